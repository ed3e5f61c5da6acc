/** Numbers of the normal and Poisson kind out of uniform ones. */
import type { Random } from './random.ts'

/**
 * A standard normal number: √(−2 ln u₁) · cos(2π u₂), u₁ in (0, 1] (Box & Muller 1958; the second one is left).
 * |x| < 6.7, since uniform numbers come in steps of 2⁻³².
 */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/**
 * A Poisson number of mean λ ≥ 0: exactly, by multiplying uniforms (Knuth 1969, 3.4.1), below 30; from there on the
 * rounded normal number of the same mean and variance, at least 0, whose distribution function is off by less than 2 %.
 */
export function poisson(mean: number, random: Random): number {
  if (mean >= 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)))
  const stop = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > stop; product *= random()) count++
  return count
}
