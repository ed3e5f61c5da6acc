/**
 * erf x = 2/√π · e^(−x²) · Σₙ 2ⁿ·x²ⁿ⁺¹ / (1·3·…·(2n+1)): all terms have one sign, so nothing cancels.
 * Abramowitz & Stegun 1964, 7.1.6.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x)
  let term = x
  let total = x
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    total += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** x·Φ(x) */
export const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2))

/** Hendrycks & Gimpel 2016, the approximation in §2. */
export const geluTanh = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
