/** The keys as the hot path sees them: in memory, never older than five seconds. */
import type { ApiKey, Scope } from '../../domain/apiKey.ts'
import type { Millis } from '../../domain/time.ts'
import type { Keys } from '../../store/store.ts'
import { parseKey, proves } from './keys.ts'
import { RateWindow } from './rate.ts'

/** Keys are read again when they are this old … */
const REFRESH_MS = 2000
/** … and keys read longer ago than this are not used: a revoked key stops working within five seconds. */
const STALE_MS = 5000
/** After a failed reading the next one waits this long. */
const RETRY_MS = 250
/** An unknown key reads the keys again, so that a new one works at once; but not more often than this. */
const UNKNOWN_REFRESH_MS = 250
/** Distinct presented keys whose verification is cached. */
const PROVEN_MAX = 10_000

const NEEDS: Readonly<Record<Scope, number>> = { predict: 1, read: 2, admin: 4 }
/** `admin` includes `read`; nothing else includes anything. */
const GIVES: Readonly<Record<Scope, number>> = { predict: 1, read: 2, admin: 4 | 2 }

/** A key's owner, as a request carries it. */
export interface Caller {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  /** What its scopes give. */
  readonly bits: number
  readonly expiresAt: Millis
  readonly revoked: boolean
  readonly rate: RateWindow | null
}

/** Whether the caller may do what a route asks for. */
export function allows(caller: Caller, scope: Scope): boolean {
  return (caller.bits & NEEDS[scope]) !== 0
}

export class Keyring {
  readonly #keys: Keys
  readonly #secret: string
  /** Monotonic: how old what was read is does not depend on what the clock is set to. */
  readonly #nowMs: () => number
  #callers = new Map<string, { key: ApiKey; caller: Caller }>()
  /** Presented key → id of the key that it proved to be. */
  readonly #proven = new Map<string, string>()
  #readAt = -Infinity
  #reading: Promise<void> | null = null
  #retryAt = -Infinity

  constructor(keys: Keys, secret: string, nowMs: () => number) {
    this.#keys = keys
    this.#secret = secret
    this.#nowMs = nowMs
  }

  /** True when no key was ever made: only then may the server run open. A revoked or expired key still counts. */
  get empty(): boolean {
    return this.#callers.size === 0
  }

  /**
   * True when the keys in memory may be used now. Starts to read them again in good time, so that under steady traffic
   * no request waits for that.
   */
  fresh(atMs: number): boolean {
    const age = atMs - this.#readAt
    // A failed background read shows itself when the keys become too old.
    if (age > REFRESH_MS && this.#reading === null && atMs >= this.#retryAt) this.refresh().catch(() => undefined)
    return age <= STALE_MS && age >= 0
  }

  /** Reads all keys; calls while a read is under way share it. */
  refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = null))
    return this.#reading
  }

  async #read(): Promise<void> {
    const asked = this.#nowMs()
    this.#retryAt = asked + RETRY_MS
    const keys = await this.#keys.list()
    const before = this.#callers
    this.#callers = new Map(
      keys.map((key) => {
        const known = before.get(key.id)
        return [key.id, { key, caller: callerOf(key, known?.caller.rate ?? null) }]
      }),
    )
    this.#readAt = asked
  }

  /**
   * Who presents this key: the caller, `null` for nobody, `undefined` when the keys should be read again before that is
   * said (the key is well-formed but unknown, and may have been made just now).
   */
  identify(presented: string, at: Millis): Caller | null | undefined {
    const id = this.#proven.get(presented)
    const caller = id === undefined ? this.#prove(presented) : (this.#callers.get(id)?.caller ?? null)
    if (caller === undefined || caller === null) return caller
    return caller.revoked || caller.expiresAt <= at ? null : caller
  }

  /** The caller with this id, if its key still holds: for sessions. */
  byId(id: string, at: Millis): Caller | null {
    const caller = this.#callers.get(id)?.caller
    return caller === undefined || caller.revoked || caller.expiresAt <= at ? null : caller
  }

  #prove(presented: string): Caller | null | undefined {
    const parts = parseKey(presented)
    if (parts === null) return null
    const known = this.#callers.get(parts.id)
    if (known === undefined) return this.#nowMs() - this.#readAt >= UNKNOWN_REFRESH_MS ? undefined : null
    if (!proves(parts.secret, known.key, this.#secret)) return null
    if (this.#proven.size >= PROVEN_MAX) this.#proven.clear()
    this.#proven.set(presented, parts.id)
    return known.caller
  }
}

/** The window goes on over a new reading of the keys, unless the rate changed. */
function callerOf(key: ApiKey, rate: RateWindow | null): Caller {
  const kept = rate !== null && rate.limit === key.ratePerMinute ? rate : null
  return {
    id: key.id,
    name: key.name,
    scopes: key.scopes,
    bits: key.scopes.reduce((bits, scope) => bits | GIVES[scope], 0),
    expiresAt: key.expiresAt ?? Infinity,
    revoked: key.revokedAt !== null,
    rate: key.ratePerMinute === null ? null : (kept ?? new RateWindow(key.ratePerMinute)),
  }
}
