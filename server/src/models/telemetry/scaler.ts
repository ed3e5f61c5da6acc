/**
 * Features → what a network can learn from: each on its own scale, near 0 and near 1. Fitted on training rows once,
 * and kept in the version; never fitted again where it serves.
 *
 *   z = clip((c(x) − mean) / std, ±8);   NaN → 0
 *
 *   c(x) = asinh x − usual    of what a metric or a ratio itself spans: ln of how many times the usual, for this node
 *   c(x) = x                  of what is on a scale of its own: missing, usual, deviation, spread
 *
 * So a detector sees a machine as it deviates from itself, and carries over to machines that it has not met. A feature
 * that never varies in training has std 1. A missing number is thus an average one; that it was missing is a feature of
 * its own.
 */
export interface Scaler {
  readonly features: readonly string[]
  /** [features] the feature that it is relative to, after asinh; −1: it stands as it is */
  readonly usual: readonly number[]
  /** [features] */
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

const Z_MAX = 8

/** @param parts each [rows, features], row-major; at least one row in all */
export function fitScaler(features: readonly string[], parts: Iterable<Float64Array>): Scaler {
  const width = features.length
  const usual = features.map((name) => usualOf(name, features))
  const count = new Float64Array(width)
  const mean = new Float64Array(width)
  const m2 = new Float64Array(width)
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      const f = i % width
      const x = usual[f] < 0 ? part[i] : Math.asinh(part[i]) - part[i - f + usual[f]]
      if (Number.isNaN(x)) continue
      count[f]++
      const d = x - mean[f]
      mean[f] += d / count[f]
      m2[f] += d * (x - mean[f])
    }
  }
  const std = Array.from(m2, (sum, f) => (count[f] < 2 ? 1 : Math.sqrt(sum / (count[f] - 1))))
  return { features, usual, mean: [...mean], std: std.map((s, f) => (s > 1e-9 * (1 + Math.abs(mean[f])) ? s : 1)) }
}

/**
 * @param raw [rows, features]
 * @param out [rows, features]; written from `at` on
 */
export function scaleInto(scaler: Scaler, raw: Float64Array, out: Float32Array, at = 0): void {
  const { usual, mean, std } = scaler
  const width = mean.length
  for (let i = 0; i < raw.length; i++) {
    const f = i % width
    const x = usual[f] < 0 ? raw[i] : Math.asinh(raw[i]) - raw[i - f + usual[f]]
    const z = (x - mean[f]) / std[f]
    out[at + i] = Number.isNaN(z) ? 0 : Math.max(-Z_MAX, Math.min(Z_MAX, z))
  }
}

/** `latency_q75` → the place of `latency_usual`; `bytes_per_packet_in` → that of `bytes_per_packet_in_usual`. */
function usualOf(name: string, features: readonly string[]): number {
  if (/_(missing|usual|deviation|spread)$/.test(name)) return -1
  const whole = features.indexOf(`${name}_usual`)
  return whole >= 0 ? whole : features.indexOf(name.replace(/_(value|mean|std|min|max|q75)$/, '_usual'))
}
