/** A matrix of 8-bit integers with a scale for each column. */
import type { Shape } from '../graph/ir.ts'
import type { Tensor } from '../onnx/model.ts'
import { floats } from '../onnx/tensor.ts'

export interface QuantizedMatrix {
  /** int8 [inputs, outputs] */
  readonly weights: Tensor
  /** float32 [outputs] */
  readonly scales: Tensor
}

/** −127 … 127: symmetric, so that zero stays zero and no zero point is needed. */
const LEVELS = 127

/**
 * Symmetric quantisation of each column by its largest weight:
 *
 *   s_j = maxᵢ |W_ij| / 127,   Q_ij = round(W_ij / s_j)      |W − s∘Q| ≤ s/2
 *
 * @param tensor       float32 [inputs, outputs], or [outputs, inputs] where it is transposed
 * @param isTransposed as PyTorch keeps the weights of a linear layer
 *
 * A column of zeros has scale 0 and stays zeros. Jacob et al. 2018, §2.1; Wu et al. 2020, §3 (per-channel weights).
 */
export function quantizeMatrix(tensor: Tensor, isTransposed: boolean): QuantizedMatrix {
  const values = floats(tensor)
  const [rows = 0, columns = 0] = tensor.shape
  const [inputs, outputs] = isTransposed ? [columns, rows] : [rows, columns]
  const largest = new Float32Array(outputs)
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++) {
      const output = isTransposed ? row : column
      const size = Math.abs(values[at])
      if (size > largest[output]) largest[output] = size
    }
  const scales = largest.map((size) => size / LEVELS)
  const inverse = Float64Array.from(scales, (scale) => (scale === 0 ? 0 : 1 / scale))
  const weights = new Int8Array(inputs * outputs)
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++) {
      const output = isTransposed ? row : column
      const to = isTransposed ? column * outputs + row : at
      weights[to] = Math.round(values[at] * inverse[output])
    }
  return { weights: tensorOf('int8', [inputs, outputs], weights), scales: tensorOf('float32', [outputs], scales) }
}

export interface QuantizedRows {
  /** int8 [rows, width] */
  readonly rows: Tensor
  /** float32 [rows, 1] */
  readonly scales: Tensor
}

/** The same for each row of an embedding table: s_i = maxⱼ |W_ij| / 127. */
export function quantizeRows(tensor: Tensor): QuantizedRows {
  const values = floats(tensor)
  const [rows = 0, width = 0] = tensor.shape
  const scales = new Float32Array(rows)
  const quantized = new Int8Array(values.length)
  for (let row = 0; row < rows; row++) {
    const inRow = values.subarray(row * width, (row + 1) * width)
    const scale = inRow.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / LEVELS
    scales[row] = scale
    const inverse = scale === 0 ? 0 : 1 / scale
    for (let i = 0; i < width; i++) quantized[row * width + i] = Math.round(inRow[i] * inverse)
  }
  return { rows: tensorOf('int8', [rows, width], quantized), scales: tensorOf('float32', [rows, 1], scales) }
}

function tensorOf(type: Tensor['type'], shape: Shape, values: Int8Array | Float32Array): Tensor {
  return { type, shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) }
}
