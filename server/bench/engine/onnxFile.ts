/**
 * Reading and writing an ONNX file of DistilBERT's size (docs/decisions/0008-onnx-by-hand.md).
 *
 *   node server/bench/engine/onnxFile.ts
 */
import { decodeModel } from '../../src/engine/onnx/decode.ts'
import { encodeModel } from '../../src/engine/onnx/encode.ts'
import { distilbertModel } from './distilbertShape.ts'

const ROUNDS = 5

const file = encodeModel(distilbertModel())
const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`
process.stdout.write(`a file of ${megabytes(file.length)}\n`)
for (let round = 0; round < ROUNDS; round++) {
  const began = performance.now()
  const model = decodeModel(file)
  const decoded = performance.now()
  const before = process.memoryUsage().rss
  const written = encodeModel(model)
  const encoded = performance.now()
  if (written.length !== file.length) throw new Error('the file that was read and written again has another length')
  const more = megabytes(Math.max(0, process.memoryUsage().rss - before))
  process.stdout.write(
    `decode ${(decoded - began).toFixed(1)} ms, encode ${(encoded - decoded).toFixed(0)} ms, ${more} more resident\n`,
  )
}
