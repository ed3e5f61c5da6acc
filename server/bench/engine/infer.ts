/**
 * Our side of the inference bench, in a process of its own:  node infer.ts fp32|int8
 *
 * DistilBERT's shape with random weights, as it serves (two threads for one text or batch). Says `ready`; then for each
 * `{"rows": B, "length": T, "runs": N}` answers with the seconds of each run.
 */
import { createInterface } from 'node:readline'
import { encodeModel } from '../../src/engine/onnx/encode.ts'
import { openSession, runTensor } from '../../src/engine/session.ts'
import { distilbertInt8, distilbertModel } from './distilbertShape.ts'
import type { Infer, Inferred } from './inference.ts'

const bytes = encodeModel(process.argv[2] === 'int8' ? distilbertInt8() : distilbertModel())
const session = await openSession(bytes, {
  threads: 2,
  spinning: true,
  settings: { 'session.force_spinning_stop': '1' },
})

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const { rows, length, runs } = JSON.parse(line) as Infer // written by inference.ts
  const ids = BigInt64Array.from({ length: rows * length }, (_, i) => BigInt(1000 + ((i * 7919) % 28_000)))
  const feeds = {
    input_ids: runTensor('int64', ids, [rows, length]),
    attention_mask: runTensor('int64', new BigInt64Array(rows * length).fill(1n), [rows, length]),
  }
  const seconds: number[] = []
  for (let i = 0; i < runs; i++) {
    const began = performance.now()
    await session.run(feeds)
    seconds.push((performance.now() - began) / 1000)
  }
  const answer: Inferred = { seconds, version: process.version }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
await session.close()
