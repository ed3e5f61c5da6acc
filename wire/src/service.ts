import { type Static, Type } from 'typebox'
import { Nullable } from './common.ts'
import { Closed } from './parameters.ts'

export const Check = Type.Object({
  name: Type.String(),
  ok: Type.Boolean(),
  detail: Type.Optional(Type.String()),
})
export type Check = Static<typeof Check>

/** GET /health and GET /health/ready; status 503 when not `healthy`. */
export const HealthAnswer = Type.Object({
  status: Type.Union([Type.Literal('healthy'), Type.Literal('degraded'), Type.Literal('stopping')]),
  version: Type.String(),
  uptime_seconds: Type.Number(),
  checks: Type.Array(Check),
})
export type HealthAnswer = Static<typeof HealthAnswer>

export const scopes = ['predict', 'read', 'admin'] as const
export const Scope = Type.Union([Type.Literal('predict'), Type.Literal('read'), Type.Literal('admin')])
export type Scope = Static<typeof Scope>

/** POST /session: the page signs in with an API key and gets an HttpOnly cookie; the CSRF token goes into the header `x-csrf-token` of every change. */
export const SessionBody = Closed(
  { key: Type.String({ minLength: 1, maxLength: 200 }) },
  { examples: [{ key: 'bk_0123456789_0123456789ABCDEFGHIJKLMNOPQ' }] },
)
export type SessionBody = Static<typeof SessionBody>

/** GET /session and POST /session. */
export const SessionAnswer = Type.Object({
  /** False when the server runs open (loopback without keys): then no sign-in is needed. */
  key_needed: Type.Boolean(),
  signed_in: Type.Boolean(),
  name: Nullable(Type.String()),
  scopes: Type.Array(Scope),
  csrf: Nullable(Type.String()),
})
export type SessionAnswer = Static<typeof SessionAnswer>
