/**
 * Gauss–Legendre quadrature: ∫₀¹ f ≈ Σ wᵢ f(xᵢ), exact for polynomials of degree 2n − 1.
 *
 * The nodes are the roots of the Legendre polynomial Pₙ, moved from [−1, 1] to [0, 1], found by Newton's method from
 * cos(π(i + ¾)/(n + ½)); w = 1 / ((1 − x²)·P′ₙ(x)²) there. (Abramowitz & Stegun 1964, 25.4.29 and 22.16.6.)
 *
 * @param n at least 1
 * @returns [n] ascending nodes in (0, 1) and their weights, which sum to 1
 */
export function gaussLegendre(n: number): { readonly nodes: Float64Array; readonly weights: Float64Array } {
  const nodes = new Float64Array(n)
  const weights = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5))
    let slope = 1
    for (let step = 0; step < 100; step++) {
      const { value, derivative } = legendre(n, x)
      slope = derivative
      const move = value / derivative
      x -= move
      if (Math.abs(move) < 1e-15) break
    }
    nodes[n - 1 - i] = (1 + x) / 2
    weights[n - 1 - i] = 1 / ((1 - x * x) * slope * slope)
  }
  return { nodes, weights }
}

/** Pₙ and its derivative inside of (−1, 1), by Bonnet's recursion. */
function legendre(n: number, x: number): { value: number; derivative: number } {
  let [before, value] = [1, x]
  for (let k = 2; k <= n; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k]
  return { value, derivative: (n * (x * value - before)) / (x * x - 1) }
}
