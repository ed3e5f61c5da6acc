/** The page's sign-in: POST, GET and DELETE /session. */
import { FaultBody, SessionAnswer, SessionBody } from '@barometer/wire'
import type { FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { Fault } from '../domain/faults.ts'
import type { Millis } from '../domain/time.ts'
import { CSRF_HEADER, cookieNamed, SESSION_COOKIE, scopesOf } from './access/guard.ts'
import type { Caller, Keyring } from './access/keyring.ts'
import { isLoopbackAddress, isOwnOrigin } from './access/origin.ts'
import { RateTable, rateAddress } from './access/rate.ts'
import { SESSION_SECONDS, type Session, type Sessions } from './access/session.ts'
import type { Api } from './context.ts'

export interface SessionNeeds {
  readonly config: Pick<Config, 'host' | 'insecure'>
  readonly keyring: Keyring
  readonly sessions: Sessions
  readonly now: () => Millis
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
}

/** Sign-ins a minute and address. */
const SIGN_INS_PER_MINUTE = 10
const ADDRESSES_MAX = 10_000

export function sessionRoutes(app: Api, { config, keyring, sessions, now, nowMs }: SessionNeeds): void {
  const mayRunOpen = config.insecure || isLoopbackAddress(config.host)
  const signIns = new RateTable(SIGN_INS_PER_MINUTE, ADDRESSES_MAX)
  const answers = { 200: SessionAnswer, '4xx': FaultBody, '5xx': FaultBody }
  const about = { tags: ['service'], response: answers }

  app.post(
    '/session',
    {
      config: { scope: 'public' },
      schema: { ...about, operationId: 'signIn', summary: 'Sign the page in with an API key', body: SessionBody },
    },
    async (request, reply) => {
      const at = now()
      if (!isOwnOrigin(request.headers, true, new Set())) throw new Fault('foreign_page')
      const window = signIns.window(rateAddress(request.ip))
      const atMs = nowMs()
      if (!window.take(atMs))
        throw new Fault('rate_limited', {
          say: `At most ${SIGN_INS_PER_MINUTE} sign-ins a minute come from one address.`,
          retryAfterSeconds: window.secondsToReset(atMs),
        })
      // The first key of all may have been made just now.
      if (keyring.empty || !keyring.fresh(atMs)) await keyring.refresh()
      if (keyring.empty && mayRunOpen) return open()
      const caller = await callerWith(request.body.key.trim(), at)
      if (caller === null) throw new Fault('unauthorised')
      const { cookie, session } = sessions.begin(caller.id, at)
      reply.header('set-cookie', setCookie(cookie, request, SESSION_SECONDS)).header('cache-control', 'no-store')
      return signedIn(caller, session)
    },
  )

  app.get(
    '/session',
    {
      config: { scope: 'public' },
      schema: { ...about, operationId: 'getSession', summary: 'Is a key needed, and who is signed in' },
    },
    async (request, reply) => {
      const at = now()
      reply.header('cache-control', 'no-store')
      if (!keyring.fresh(nowMs())) await keyring.refresh()
      if (keyring.empty && mayRunOpen) return open()
      const session = sessionOf(request, at)
      const caller = session === null ? null : keyring.byId(session.keyId, at)
      return session === null || caller === null ? signedOut() : signedIn(caller, session)
    },
  )

  app.delete(
    '/session',
    { config: { scope: 'public' }, schema: { ...about, operationId: 'signOut', summary: 'Sign out' } },
    async (request, reply) => {
      const at = now()
      const session = sessionOf(request, at)
      if (session !== null) {
        const token = request.headers[CSRF_HEADER]
        if (!isOwnOrigin(request.headers, true, new Set())) throw new Fault('foreign_page')
        if (typeof token !== 'string' || !sessions.isToken(session, token)) throw new Fault('csrf')
        sessions.end(cookieOf(request) ?? '', at)
      }
      reply.header('set-cookie', setCookie('', request, 0)).header('cache-control', 'no-store')
      return keyring.empty && mayRunOpen ? open() : signedOut()
    },
  )

  async function callerWith(key: string, at: Millis): Promise<Caller | null> {
    const caller = keyring.identify(key, at)
    if (caller !== undefined) return caller
    await keyring.refresh()
    return keyring.identify(key, now()) ?? null
  }

  function sessionOf(request: FastifyRequest, at: Millis): Session | null {
    const cookie = cookieOf(request)
    return cookie === null ? null : sessions.read(cookie, at)
  }
}

function cookieOf(request: FastifyRequest): string | null {
  const { cookie } = request.headers
  return cookie === undefined ? null : cookieNamed(cookie, SESSION_COOKIE)
}

/** Secure wherever the browser uses TLS: to us, or to a trusted proxy. RFC 6265, 4.1. */
function setCookie(value: string, request: FastifyRequest, seconds: number): string {
  const secure = request.protocol === 'https' ? '; Secure' : ''
  return `${SESSION_COOKIE}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`
}

function open(): SessionAnswer {
  return { key_needed: false, signed_in: false, name: null, scopes: scopesOf(null), csrf: null }
}

function signedOut(): SessionAnswer {
  return { key_needed: true, signed_in: false, name: null, scopes: [], csrf: null }
}

function signedIn(caller: Caller, session: Session): SessionAnswer {
  return { key_needed: true, signed_in: true, name: caller.name, scopes: scopesOf(caller), csrf: session.csrf }
}
