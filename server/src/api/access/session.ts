/** Sessions of the page: a signed cookie that stands for a key, without the key in it. Nothing is stored. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Millis } from '../../domain/time.ts'

export const SESSION_SECONDS = 12 * 3600

/** Sessions that were signed out before their end, until that end; the oldest goes first. */
const SIGNED_OUT_MAX = 10_000
/** Cookies whose signature is cached. */
const READ_MAX = 1000

export interface Session {
  readonly keyId: string
  readonly expiresAt: Millis
  readonly csrf: string
}

/**
 * Makes and reads session cookies `<key id>.<end>.<nonce>.<mac>`, mac = HMAC-SHA-256 over the rest. The CSRF token is
 * another HMAC over the whole cookie, so it belongs to this session only and need not be kept.
 */
export class Sessions {
  readonly #secret: string
  readonly #signedOut = new Map<string, Millis>()
  readonly #read = new Map<string, Session>()

  constructor(secret: string) {
    this.#secret = secret
  }

  /** A new cookie for the key. */
  begin(keyId: string, at: Millis): { readonly cookie: string; readonly session: Session } {
    const expiresAt = at + SESSION_SECONDS * 1000
    const claims = `${keyId}.${expiresAt}.${randomBytes(12).toString('base64url')}`
    const cookie = `${claims}.${this.#mac('session', claims)}`
    return { cookie, session: { keyId, expiresAt, csrf: this.#mac('csrf', cookie) } }
  }

  /** The session of a cookie; null when it was not made here, is over or was signed out. */
  read(cookie: string, at: Millis): Session | null {
    if (this.#signedOut.has(cookie)) return null
    const session = this.#read.get(cookie) ?? this.#verify(cookie)
    return session === null || session.expiresAt <= at ? null : session
  }

  /** Ends a session before its time, in this process. */
  end(cookie: string, at: Millis): void {
    const session = this.read(cookie, at)
    if (session === null) return
    this.#read.delete(cookie)
    if (this.#signedOut.size >= SIGNED_OUT_MAX) this.#forgetSignedOut(at)
    this.#signedOut.set(cookie, session.expiresAt)
  }

  /** True when the header carries the session's own token; in constant time. */
  isToken(session: Session, header: string): boolean {
    const expected = Buffer.from(session.csrf)
    const actual = Buffer.from(header)
    return expected.length === actual.length && timingSafeEqual(expected, actual)
  }

  #verify(cookie: string): Session | null {
    const parts = /^(([0-9A-Za-z]{1,64})\.(\d{13,15})\.[\w-]{16})\.([\w-]{43})$/.exec(cookie)
    if (parts === null) return null
    const [, claims, keyId, end, mac] = parts
    if (!timingSafeEqual(Buffer.from(mac), Buffer.from(this.#mac('session', claims)))) return null
    const session = { keyId, expiresAt: Number(end), csrf: this.#mac('csrf', cookie) }
    if (this.#read.size >= READ_MAX) this.#read.clear()
    this.#read.set(cookie, session)
    return session
  }

  #mac(purpose: 'session' | 'csrf', message: string): string {
    return createHmac('sha256', this.#secret).update(`${purpose}\0${message}`).digest('base64url')
  }

  #forgetSignedOut(at: Millis): void {
    for (const [cookie, end] of this.#signedOut) if (end <= at) this.#signedOut.delete(cookie)
    for (const cookie of this.#signedOut.keys()) {
      if (this.#signedOut.size < SIGNED_OUT_MAX) break
      this.#signedOut.delete(cookie)
    }
  }
}
