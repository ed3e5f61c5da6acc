/**
 * Counts latencies in geometric buckets, so that a run of any length takes the same memory and a quantile is never more
 * than half a per cent off.
 *
 *   bucket(x) = ⌈ln(x / 1 µs) / ln γ⌉, so bucket i covers (γ^(i−1), γ^i] µs; γ = 1.01
 *   estimate(i) = 2γ^i / (γ + 1), within (γ − 1)/(γ + 1) = 0.5 % of every value of its bucket
 *
 * Masson, Rim & Lee 2019 (DDSketch), definitions 3 to 5.
 */
export class Latencies {
  readonly #counts = new Float64Array(BUCKETS)
  #rows = 0
  #sumMs = 0
  #maxMs = 0

  /** @param ms below a microsecond counts as one, above an hour as an hour. */
  add(ms: number): void {
    this.#counts[bucketOf(ms)]++
    this.#rows++
    this.#sumMs += ms
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  /** All null without a latency. */
  summary(): LatencySummary {
    const any = this.#rows > 0
    return {
      mean: any ? this.#sumMs / this.#rows : null,
      p50: this.#quantile(0.5),
      p90: this.#quantile(0.9),
      p95: this.#quantile(0.95),
      p99: this.#quantile(0.99),
      p999: this.#quantile(0.999),
      max: any ? this.#maxMs : null,
    }
  }

  /** The value of rank ⌈q·n⌉ among n, counted from 1. */
  #quantile(q: number): number | null {
    if (this.#rows === 0) return null
    const rank = Math.max(1, Math.ceil(q * this.#rows))
    let seen = 0
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#counts[i]
      if (seen >= rank) return Math.min(this.#maxMs, (2 * GAMMA ** i) / (GAMMA + 1) / 1000)
    }
    return this.#maxMs
  }
}

/** Milliseconds; null where nothing was measured. */
export interface LatencySummary {
  readonly mean: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly p999: number | null
  readonly max: number | null
}

const GAMMA = 1.01
const LN_GAMMA = Math.log(GAMMA)
const HOUR_US = 3.6e9
const BUCKETS = Math.ceil(Math.log(HOUR_US) / LN_GAMMA) + 1

function bucketOf(ms: number): number {
  return Math.ceil(Math.log(Math.min(HOUR_US, Math.max(1, ms * 1000))) / LN_GAMMA)
}
