/** Rates: how they are written, and a window that holds callers to them exactly. */
import type { Millis } from '../../domain/time.ts'

const MINUTE_MS = 60_000

const PER_MINUTE: Readonly<Record<string, number>> = {
  s: 60,
  sec: 60,
  second: 60,
  min: 1,
  minute: 1,
  h: 1 / 60,
  hour: 1 / 60,
  d: 1 / 1440,
  day: 1 / 1440,
}

/** The highest rate that can be set: more than what one process can answer. */
const RATE_MAX = 1_000_000_000

/**
 * `100/min`, `5/s`, `1000/h`, `10000/d`, or `none` → requests a minute; null for no limit.
 *
 * @throws RangeError for anything else, for a rate below one a minute, and for one that is no whole number a minute.
 */
export function parseRate(written: string): number | null {
  if (/^(none|off|unlimited)$/i.test(written.trim())) return null
  const parts = /^\s*(\d{1,10})\s*(?:\/|per)\s*(\w+)\s*$/i.exec(written)
  const factor = parts === null ? undefined : PER_MINUTE[parts[2].toLowerCase()]
  if (parts === null || factor === undefined)
    throw new RangeError(`A rate is written like 100/min, 5/s, 1000/h or none, not “${written}”.`)
  const perMinute = Math.floor(Number(parts[1]) * factor)
  if (perMinute < 1 || perMinute > RATE_MAX)
    throw new RangeError(
      `“${written}” is ${perMinute < 1 ? 'less than one request a minute' : 'more than any server answers'}.`,
    )
  return perMinute
}

/** Parts of the minute that are counted apart: a used-up rate comes back in steps of five seconds. */
const SLOTS = 12
const SLOT_MS = MINUTE_MS / SLOTS

/**
 * At most `limit` requests in *any* 60 seconds, not only in those of the clock.
 *
 *   used(t) = Σ counts of the slot of t and of the SLOTS slots before it,   slot = ⌊t / 5 s⌋
 *
 * These slots cover the last 60 to 65 seconds, so `used ≤ limit` holds over every 60 seconds; after 65 quiet seconds the
 * whole rate is there again. A token bucket of the same size would let 2 · limit through in one minute, a fixed window too.
 *
 * Times must not fall; one that does counts into the newest slot.
 */
export class RateWindow {
  readonly limit: number
  readonly #counts = new Int32Array(SLOTS + 1)
  #slot = -1
  #used = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** Counts one request and says whether it is within the rate; a refused one is not counted. */
  take(at: Millis): boolean {
    this.#turn(at)
    if (this.#used >= this.limit) return false
    this.#counts[this.#slot % (SLOTS + 1)]++
    this.#used++
    return true
  }

  /** Requests left as of the last `take`. */
  get left(): number {
    return this.limit - this.#used
  }

  /** Whole seconds, at least 1, until counted requests leave the window and the rate is (partly) there again. */
  secondsToReset(at: Millis): number {
    for (let age = SLOTS; age >= 0; age--) {
      const slot = this.#slot - age
      if (slot >= 0 && this.#counts[slot % (SLOTS + 1)] > 0)
        return Math.max(1, Math.ceil(((slot + SLOTS + 1) * SLOT_MS - at) / 1000))
    }
    return 1
  }

  /** Drops the slots that are older than the window. */
  #turn(at: Millis): void {
    const slot = Math.floor(at / SLOT_MS)
    if (slot <= this.#slot) return
    const gone = Math.min(slot - this.#slot, SLOTS + 1)
    for (let i = 0; i < gone; i++) {
      const place = (slot - i) % (SLOTS + 1)
      this.#used -= this.#counts[place]
      this.#counts[place] = 0
    }
    this.#slot = slot
  }
}

/**
 * A window for each caller, in bounded memory: two generations of at most `callersMax / 2`. Who calls is kept in the
 * young one; when that is full, the old one (callers that were not seen since) is dropped.
 */
export class RateTable {
  readonly limit: number
  readonly #half: number
  #young = new Map<string, RateWindow>()
  #old = new Map<string, RateWindow>()

  constructor(limit: number, callersMax: number) {
    this.limit = limit
    this.#half = Math.ceil(callersMax / 2)
  }

  window(caller: string): RateWindow {
    const found = this.#young.get(caller)
    if (found !== undefined) return found
    const window = this.#old.get(caller) ?? new RateWindow(this.limit)
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(caller, window)
    return window
  }

  /** Windows held. */
  get size(): number {
    return this.#young.size + this.#old.size
  }
}

/**
 * What counts as one address: an IPv4 address, or the first 64 bits of an IPv6 address, since one customer holds
 * all addresses of a /64 (RFC 6177). An IPv4 address in IPv6 form is the IPv4 address.
 */
export function rateAddress(ip: string): string {
  if (!ip.includes(':')) return ip
  if (/^::ffff:[\d.]+$/i.test(ip)) return ip.slice(7)
  const [head, tail] = ip.split('%')[0].split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0)
    while (groups.length < 8 - behind) groups.push('0')
    groups.push(...(tail === '' ? [] : tail.split(':')))
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
