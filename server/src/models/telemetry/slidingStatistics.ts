/**
 * Count, mean, standard deviation and quantiles of a multiset of numbers that come and go: a window that slides.
 *
 * Adding and taking away cost one binary search and one short memory move; mean and M₂ = Σ(x − x̄)² follow by
 *
 *   add x:   n ← n + 1,  d = x − x̄,  x̄ ← x̄ + d/n,  M₂ ← M₂ + d·(x − x̄)
 *   take x:  n ← n − 1,  d = x − x̄,  x̄ ← x̄ − d/n,  M₂ ← M₂ − d·(x − x̄)            (Welford 1962; Chan et al. 1983)
 *
 * Taking away cancels digits: after a spike of 10⁹ has left, what remains of M₂ is its rounding. So both are summed
 * anew as soon as M₂ has fallen by six digits below its highest value since the last time, or n numbers have left.
 */
export interface Moments {
  count: number
  mean: number
  /** Σ(x − x̄)² */
  m2: number
  /** The highest M₂ since the last exact sum, and how many numbers have left since. */
  m2Most: number
  left: number
}

export interface SlidingStatistics extends Moments {
  /** [count of capacity] ascending */
  sorted: Float64Array
}

const CAPACITY = 16
/** Of a double's 15.9 digits six may cancel. */
const CANCELLED_MAX = 1e-6

export function moments(): Moments {
  return { count: 0, mean: 0, m2: 0, m2Most: 0, left: 0 }
}

export function slidingStatistics(sorted = new Float64Array(CAPACITY)): SlidingStatistics {
  return { ...moments(), sorted }
}

export function addValue(of: SlidingStatistics, x: number): void {
  if (of.count === of.sorted.length) {
    const grown = new Float64Array(of.sorted.length * 2)
    grown.set(of.sorted)
    of.sorted = grown
  }
  const place = placeOf(of, x)
  of.sorted.copyWithin(place + 1, place, of.count)
  of.sorted[place] = x
  addMoment(of, x)
}

/** Takes away a number that was added before. */
export function takeValue(of: SlidingStatistics, x: number): void {
  const place = placeOf(of, x)
  of.sorted.copyWithin(place, place + 1, of.count)
  takeMoment(of, x, of.sorted, (each) => each)
}

export function addMoment(of: Moments, x: number): void {
  of.count++
  const d = x - of.mean
  of.mean += d / of.count
  of.m2 += d * (x - of.mean)
  of.m2Most = Math.max(of.m2Most, of.m2)
}

/**
 * @param rest [count of capacity] ascending, of what is left; what is summed is f of each
 * @param f    does not fall anywhere
 */
export function takeMoment(of: Moments, x: number, rest: Float64Array, f: (each: number) => number): void {
  of.count--
  of.left++
  if (of.count === 0) {
    of.mean = of.m2 = of.m2Most = of.left = 0
    return
  }
  const d = x - of.mean
  of.mean -= d / of.count
  of.m2 -= d * (x - of.mean)
  if (of.m2 <= CANCELLED_MAX * of.m2Most || of.left >= of.count) sumAnew(of, rest, f)
}

/** With n − 1, as pandas has it; NaN of fewer than two numbers. */
export function deviationOf(of: Moments): number {
  return of.count < 2 ? NaN : Math.sqrt(Math.max(0, of.m2) / (of.count - 1))
}

/** The q-quantile, linear between neighbours (Hyndman & Fan 1996, type 7: the default of numpy and pandas); NaN of none. */
export function quantileOf(of: SlidingStatistics, q: number): number {
  if (of.count === 0) return NaN
  const rank = q * (of.count - 1)
  const below = Math.floor(rank)
  const above = Math.min(below + 1, of.count - 1)
  return of.sorted[below] + (rank - below) * (of.sorted[above] - of.sorted[below])
}

/** The first place whose number is not smaller. */
function placeOf({ sorted, count }: SlidingStatistics, x: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle] < x) low = middle + 1
    else high = middle
  }
  return low
}

function sumAnew(of: Moments, rest: Float64Array, f: (each: number) => number): void {
  let sum = 0
  for (let i = 0; i < of.count; i++) sum += f(rest[i])
  // Numbers that are all alike have themselves as their mean, to the last digit: a flat line has no deviation.
  of.mean = rest[0] === rest[of.count - 1] ? f(rest[0]) : sum / of.count
  of.m2 = 0
  for (let i = 0; i < of.count; i++) of.m2 += (f(rest[i]) - of.mean) ** 2
  of.m2Most = of.m2
  of.left = 0
}
