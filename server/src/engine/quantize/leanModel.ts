/**
 * An export as the leanest graph that gives the same logits: what exporters write out in pieces is fused, and an encoder
 * that is recognised leaves padding out and computes of its last layer the first token alone.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importExport } from '../import/importExport.ts'
import { type InputName, textInputs } from '../import/readExport.ts'
import { upgradeOpset } from '../import/upgradeOpset.ts'
import { encoderServing } from '../nn/encoder.ts'
import { weightsOf } from '../nn/serving.ts'
import { decodeModel } from '../onnx/decode.ts'
import { encodeModel } from '../onnx/encode.ts'
import type { OnnxModel } from '../onnx/model.ts'
import { openSession } from '../session.ts'

export interface LeanModel {
  readonly model: OnnxModel
  /** An encoder of ours has no use for token types. */
  readonly inputs: readonly InputName[]
}

/** @param bytes a float32 export with its weights inside; anything else is a Fault that says so */
export async function leanModel(bytes: Uint8Array): Promise<LeanModel> {
  const { encoder, trainable } = await importExport(bytes)
  if (encoder) {
    const model = encoderServing(encoder, weightsOf(trainable.parameters), 'packed')
    return { model, inputs: ['input_ids', 'attention_mask'] }
  }
  const model = await fused(upgradeOpset(decodeModel(bytes)))
  return { model, inputs: textInputs(model.graph) }
}

/** As ONNX Runtime fuses it at the level that keeps to standard operators, dimensions left open. */
async function fused(model: OnnxModel): Promise<OnnxModel> {
  const folder = await mkdtemp(join(tmpdir(), 'barometer-fuse-'))
  try {
    const path = join(folder, 'fused.onnx')
    const session = await openSession(encodeModel(model), { optimise: 'basic', optimisedPath: path })
    await session.close()
    return decodeModel(await readFile(path))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
