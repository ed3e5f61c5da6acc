/** The standard normal distribution function and its inverse, to nearly all digits. */

/**
 * Φ(x) = P(Z ≤ x), Z ~ N(0, 1).
 *
 * Rational approximation and, beyond |x| ≥ 7.07, a continued fraction: the absolute error is below 2e-16, the relative
 * one in the lower tail below 1e-8 (both against scipy), 0 below x = −38. Hart 1968, algorithm 5666, as given by West 2005, “Better
 * approximations to cumulative normal functions”.
 */
export function normalCdf(x: number): number {
  const z = Math.abs(x)
  const lower = z > 38 ? 0 : lowerTail(z)
  return x > 0 ? 1 - lower : lower
}

/** Φ(−z) for 0 ≤ z ≤ 38. */
function lowerTail(z: number): number {
  const density = Math.exp((-z * z) / 2)
  if (z >= 7.07106781186547) {
    const fraction = z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 0.65))))
    return density / fraction / Math.sqrt(2 * Math.PI)
  }
  return (density * polynomial(HART_P, z)) / polynomial(HART_Q, z)
}

/** Highest power first. */
const HART_P = [
  3.52624965998911e-2, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931,
  220.206867912376,
]
const HART_Q = [
  8.83883476483184e-2, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831,
  793.826512519948, 440.413735824752,
]

function polynomial(coefficients: readonly number[], x: number): number {
  let value = 0
  for (const coefficient of coefficients) value = value * x + coefficient
  return value
}

/**
 * Φ⁻¹(p): the x with Φ(x) = p, for p in [0, 1]; ∓∞ at the ends, NaN outside.
 *
 * Relative error about 1e-15 (Wichura 1988, algorithm AS 241, PPND16).
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q
    return (q * polynomial(A, r)) / polynomial(B, r)
  }
  if (!(p > 0 && p < 1)) return p === 0 ? Number.NEGATIVE_INFINITY : p === 1 ? Number.POSITIVE_INFINITY : Number.NaN
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p))
  const x = r <= 5 ? polynomial(C, r - 1.6) / polynomial(D, r - 1.6) : polynomial(E, r - 5) / polynomial(F, r - 5)
  return q < 0 ? -x : x
}

/** AS 241, highest power first; each coefficient rounded to the nearest double. */
const A = [
  2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513,
  133.14166789178438, 3.3871328727963665,
]
const B = [
  5226.495278852546, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751, 687.1870074920579,
  42.31333070160091, 1,
]
const C = [
  0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
  5.769497221460691, 4.630337846156546, 1.4234371107496835,
]
const D = [
  1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
  1.6763848301838038, 2.053191626637759, 1,
]
const E = [
  2.0103343992922881e-7, 0.000027115555687434876, 0.0012426609473880784, 0.026532189526576124, 0.29656057182850487,
  1.7848265399172913, 5.463784911164114, 6.657904643501103,
]
const F = [
  2.0442631033899397e-15, 1.421511758316446e-7, 0.000018463183175100548, 0.0007868691311456133, 0.014875361290850615,
  0.1369298809227358, 0.599832206555888, 1,
]
