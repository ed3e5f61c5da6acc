/** API keys: how they are made, written, read and proven. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ApiKey, Scope } from '../../domain/apiKey.ts'
import type { Millis } from '../../domain/time.ts'

export interface KeyRequest {
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Requests a minute; null for no limit. */
  readonly ratePerMinute: number | null
  readonly expiresAt: Millis | null
}

export interface MadeKey {
  /** `bk_<id>_<secret>`: to be shown once; nothing keeps it. */
  readonly shown: string
  readonly stored: ApiKey
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** 62^10 ≈ 2^59 ids: two of a million keys meet once in a million installations. */
const ID_CHARS = 10
/** 62^27 ≈ 2^160 secrets cannot be guessed, so a fast hash is enough to store one. */
const SECRET_CHARS = 27

const KEY = new RegExp(`^bk_([0-9A-Za-z]{${ID_CHARS}})_([0-9A-Za-z]{${SECRET_CHARS}})$`)

/** Makes a key under the server's secret. The caller stores `stored` and shows `shown`. */
export function createKey(request: KeyRequest, serverSecret: string, at: Millis): MadeKey {
  const id = randomBase62(ID_CHARS)
  const secret = randomBase62(SECRET_CHARS)
  const { name, scopes, ratePerMinute, expiresAt } = request
  const hash = hashOf(id, secret, serverSecret).toString('hex')
  return {
    shown: `bk_${id}_${secret}`,
    stored: { id, name, hash, scopes: [...new Set(scopes)], ratePerMinute, createdAt: at, expiresAt, revokedAt: null },
  }
}

/** The parts of a well-formed key; null for anything else. */
export function parseKey(presented: string): { readonly id: string; readonly secret: string } | null {
  const parts = KEY.exec(presented)
  return parts === null ? null : { id: parts[1], secret: parts[2] }
}

/** True when the secret is the one that `stored` was made with, under the same server's secret; in constant time. */
export function proves(secret: string, stored: ApiKey, serverSecret: string): boolean {
  const expected = Buffer.from(stored.hash, 'hex')
  const actual = hashOf(stored.id, secret, serverSecret)
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

/** HMAC-SHA-256; the id is in it, so that a hash moved to another row proves nothing. */
function hashOf(id: string, secret: string, serverSecret: string): Buffer {
  return createHmac('sha256', serverSecret).update(`key\0${id}\0${secret}`).digest()
}

/** Each character with the same chance: bytes of the last, incomplete round of 62 (248 … 255) are thrown away. */
function randomBase62(chars: number): string {
  let out = ''
  while (out.length < chars) {
    for (const byte of randomBytes(chars)) {
      if (byte < 248 && out.length < chars) out += BASE62[byte % 62]
    }
  }
  return out
}
