import type { Millis } from './time.ts'

export const scopes = ['predict', 'read', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** An API key as it is stored: the secret itself is shown once and never kept. */
export interface ApiKey {
  /** Public part of the key, also the id in the log. */
  readonly id: string
  readonly name: string
  /** HMAC-SHA-256 of the secret under the server's own secret, lower-case hexadecimal. */
  readonly hash: string
  readonly scopes: readonly Scope[]
  /** Requests a minute; null for no limit. */
  readonly ratePerMinute: number | null
  readonly createdAt: Millis
  readonly expiresAt: Millis | null
  readonly revokedAt: Millis | null
}
