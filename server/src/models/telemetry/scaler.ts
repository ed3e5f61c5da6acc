/**
 * Features → what a network can learn from: each on its own scale, near 0 and near 1. Fitted on training rows once,
 * and kept in the version; never fitted again where it serves.
 *
 *   z = clip((c(x) − mean) / std, ±8),   c = asinh for what a metric itself spans, else the identity;   NaN → 0
 *
 * A feature that never varies in training has std 1. A missing number is thus an average one; that it was missing is a
 * feature of its own.
 */
export interface Scaler {
  readonly features: readonly string[]
  /** [features] true: asinh first */
  readonly compress: readonly boolean[]
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

const Z_MAX = 8
/** Those that are on a scale of their own already. */
const RELATIVE = /_(missing|deviation|spread)$/

/** @param parts each [rows, features], row-major; at least one row in all */
export function fitScaler(features: readonly string[], parts: Iterable<Float64Array>): Scaler {
  const width = features.length
  const compress = features.map((name) => !RELATIVE.test(name))
  const count = new Float64Array(width)
  const mean = new Float64Array(width)
  const m2 = new Float64Array(width)
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      const f = i % width
      const x = compress[f] ? Math.asinh(part[i]) : part[i]
      if (Number.isNaN(x)) continue
      count[f]++
      const d = x - mean[f]
      mean[f] += d / count[f]
      m2[f] += d * (x - mean[f])
    }
  }
  const std = Array.from(m2, (sum, f) => (count[f] < 2 ? 1 : Math.sqrt(sum / (count[f] - 1))))
  return { features, compress, mean: [...mean], std: std.map((s, f) => (s > 1e-9 * (1 + Math.abs(mean[f])) ? s : 1)) }
}

/**
 * @param raw [rows, features]
 * @param out [rows, features]; written from `at` on
 */
export function scaleInto(scaler: Scaler, raw: Float64Array, out: Float32Array, at = 0): void {
  const { compress, mean, std } = scaler
  const width = mean.length
  for (let i = 0; i < raw.length; i++) {
    const f = i % width
    const z = ((compress[f] ? Math.asinh(raw[i]) : raw[i]) - mean[f]) / std[f]
    out[at + i] = Number.isNaN(z) ? 0 : Math.max(-Z_MAX, Math.min(Z_MAX, z))
  }
}
