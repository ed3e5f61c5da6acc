/** model.onnx in float32 → model.onnx in 8 bits. */
import type { InputName } from '../import/readExport.ts'
import { encodeModel } from '../onnx/encode.ts'
import { leanModel } from './leanModel.ts'
import { type QuantizeOptions, quantizeModel } from './quantizeModel.ts'

export interface QuantizedExport {
  readonly bytes: Uint8Array
  readonly inputs: readonly InputName[]
}

export async function quantizeExport(bytes: Uint8Array, options: QuantizeOptions = {}): Promise<QuantizedExport> {
  const { model, inputs } = await leanModel(bytes)
  return { bytes: encodeModel(quantizeModel(model, options)), inputs }
}
