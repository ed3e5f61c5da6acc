/** Who may call which route: one hook a route, made at registration from the scope that the route declares. */
import type { FastifyReply, FastifyRequest, onRequestHookHandler, RouteOptions } from 'fastify'
import type { Config } from '../../config.ts'
import { type Scope, scopes } from '../../domain/apiKey.ts'
import { Fault } from '../../domain/faults.ts'
import type { Millis } from '../../domain/time.ts'
import type { Api } from '../context.ts'
import { allows, type Caller, type Keyring } from './keyring.ts'
import { hostGuard, isLoopbackAddress, isOwnOrigin } from './origin.ts'
import { RateTable, type RateWindow, rateAddress } from './rate.ts'
import { type Session, type Sessions } from './session.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The key that asks, or the session's key; null when the server runs open and on public routes. */
    caller: Caller | null
  }
}

export interface AccessNeeds {
  readonly config: Pick<Config, 'host' | 'insecure' | 'allowedHosts' | 'corsOrigins' | 'ratePerAddress'>
  readonly keyring: Keyring
  readonly sessions: Sessions
  readonly now: () => Millis
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
}

export interface DeclaredRoute {
  readonly method: string
  readonly url: string
  readonly scope: Scope | 'public'
}

export const SESSION_COOKIE = 'barometer_session'
export const CSRF_HEADER = 'x-csrf-token'

/** Addresses whose rate is kept. */
const ADDRESSES_MAX = 100_000

type Done = Parameters<onRequestHookHandler>[2]

/**
 * Guards every route that is registered after it. Returns the list of routes with their scopes, complete once the app is
 * ready; an app with a route that declares no scope does not get ready.
 */
export function guard(app: Api, needs: AccessNeeds): readonly DeclaredRoute[] {
  const { config, keyring, sessions, now, nowMs } = needs
  const routes: { readonly route: RouteOptions; check: onRequestHookHandler }[] = []
  const declared: DeclaredRoute[] = []
  const mayRunOpen = config.insecure || isLoopbackAddress(config.host)
  const checksHost = isLoopbackAddress(config.host) || config.allowedHosts.length > 0
  const isOwnHost = hostGuard(config.allowedHosts)
  const foreignPages = new Set(config.corsOrigins)
  const addresses = config.ratePerAddress > 0 ? new RateTable(config.ratePerAddress, ADDRESSES_MAX) : null

  app.decorateRequest('keyId', null)
  app.decorateRequest('callerName', 'local')
  app.decorateRequest('caller', null)

  if (addresses !== null) {
    app.addHook('onRequest', (request, reply, done) => {
      const at = nowMs()
      const window = addresses.window(rateAddress(request.ip))
      if (window.take(at)) {
        tellRate(reply, 'address', window, at)
        return done()
      }
      done(rateFault(reply, 'address', window, at))
    })
  }

  app.addHook('onRoute', (route) => {
    // The preflight route of the CORS plugin, which answers before any hook of ours matters.
    if (route.method === 'OPTIONS' && route.url === '*') route.config = { ...route.config, scope: 'public' }
    const guarded = { route, check: refuse as onRequestHookHandler }
    routes.push(guarded)
    const before = route.onRequest ?? []
    route.onRequest = [
      function access(this: Api, request, reply, done) {
        guarded.check.call(this, request, reply, done)
      },
      ...(Array.isArray(before) ? before : [before]),
    ]
  })

  // A parent's hook sees a route before a child's hook may set its scope, so scopes are read when all is registered.
  app.addHook('onReady', (done) => {
    for (const guarded of routes) {
      const { method: methods, url, config: given } = guarded.route
      const scope = given?.scope
      if (scope === undefined) return done(new Error(`The route ${String(methods)} ${url} declares no scope.`))
      guarded.check = checkOf(scope)
      for (const method of [methods].flat()) declared.push({ method, url, scope })
    }
    done()
  })

  function checkOf(scope: Scope | 'public'): onRequestHookHandler {
    if (scope === 'public') return checkPublic
    return (request, reply, done) => {
      if (keyring.fresh(nowMs())) decide(scope, request, reply, done, now(), false)
      else afterReading(scope, request, reply, done)
    }
  }

  /** Reads the keys first: at most once in some seconds, and for a key that was made just now. */
  function afterReading(scope: Scope, request: FastifyRequest, reply: FastifyReply, done: Done): void {
    keyring.refresh().then(
      () => decide(scope, request, reply, done, now(), true),
      (error: unknown) =>
        // oxlint-disable-next-line promise/no-callback-in-promise -- Fastify's hooks end by callback; only a reading makes this one late.
        done(error instanceof Fault ? error : new Fault('store_unavailable', { retryAfterSeconds: 1, cause: error })),
    )
  }

  function checkPublic(request: FastifyRequest, _reply: FastifyReply, done: Done): void {
    if (keyring.empty && checksHost && !isOwnHost(request.headers.host)) return done(new Fault('foreign_host'))
    done()
  }

  function decide(
    scope: Scope,
    request: FastifyRequest,
    reply: FastifyReply,
    done: Done,
    at: Millis,
    read: boolean,
  ): void {
    const { headers } = request
    const presented = presentedKey(headers.authorization, headers['x-api-key'])
    let caller: Caller | null | undefined = null
    if (presented !== null) {
      caller = keyring.identify(presented, at)
      // Perhaps made just now, perhaps the first of all.
      if (caller === undefined && !read) return afterReading(scope, request, reply, done)
    }
    if (keyring.empty && mayRunOpen) return done(openFault(request))
    if (presented === null && headers.cookie !== undefined) {
      const session = sessionOf(headers.cookie, at)
      if (session !== null) {
        const fault = sessionFault(session, request)
        if (fault !== null) return done(fault)
        caller = keyring.byId(session.keyId, at)
      }
    }
    if (caller === undefined || caller === null) {
      reply.header(
        'www-authenticate',
        presented === null ? 'Bearer realm="barometer"' : 'Bearer realm="barometer", error="invalid_token"',
      )
      return done(new Fault('unauthorised'))
    }
    if (!allows(caller, scope)) return done(lacks(reply, scope))
    if (caller.rate !== null) {
      const atMs = nowMs()
      if (!caller.rate.take(atMs)) return done(rateFault(reply, 'key', caller.rate, atMs))
      tellRate(reply, 'key', caller.rate, atMs)
    }
    request.caller = caller
    request.keyId = caller.id
    request.callerName = caller.name
    done()
  }

  /** Without keys everybody on this machine may do everything; a page of somebody else in a browser on it may not. */
  function openFault(request: FastifyRequest): Fault | undefined {
    const { headers } = request
    if (checksHost && !isOwnHost(headers.host)) return new Fault('foreign_host')
    if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return undefined
    return isOwnOrigin(headers, isUnsafe(request), foreignPages) ? undefined : new Fault('foreign_page')
  }

  function sessionOf(cookies: string, at: Millis): Session | null {
    const cookie = cookieNamed(cookies, SESSION_COOKIE)
    return cookie === null ? null : sessions.read(cookie, at)
  }

  function sessionFault(session: Session, request: FastifyRequest): Fault | null {
    const unsafe = isUnsafe(request)
    if (!isOwnOrigin(request.headers, unsafe, NOBODY)) return new Fault('foreign_page')
    if (!unsafe) return null
    const token = request.headers[CSRF_HEADER]
    return typeof token === 'string' && sessions.isToken(session, token) ? null : new Fault('csrf')
  }

  return declared
}

const NOBODY: ReadonlySet<string> = new Set()

function refuse(_request: FastifyRequest, _reply: FastifyReply, done: Done): void {
  done(new Fault('not_ready'))
}

/** For routes whose answer depends on what was asked: the caller must (also) have this scope. */
export function demand(request: FastifyRequest, scope: Scope): void {
  if (request.caller !== null && !allows(request.caller, scope)) throw lackedScope(scope)
}

/** True when a request is answered without any key: the keys that exist decide that, at every moment. */
export function scopesOf(caller: Caller | null): Scope[] {
  return caller === null ? [...scopes] : scopes.filter((scope) => allows(caller, scope))
}

function lacks(reply: FastifyReply, scope: Scope): Fault {
  reply.header('www-authenticate', `Bearer realm="barometer", error="insufficient_scope", scope="${scope}"`)
  return lackedScope(scope)
}

function lackedScope(scope: Scope): Fault {
  return new Fault('forbidden', { say: `This API key lacks the scope “${scope}” that the route needs.` })
}

/** `Authorization: Bearer …` (RFC 6750) before `X-API-Key`; an empty string where a header is there but holds no key. */
function presentedKey(authorization: string | undefined, apiKey: string | string[] | undefined): string | null {
  if (authorization !== undefined) {
    return authorization.length > 7 && authorization.slice(0, 7).toLowerCase() === 'bearer '
      ? authorization.slice(7).trim()
      : ''
  }
  if (apiKey === undefined) return null
  return typeof apiKey === 'string' ? apiKey : ''
}

/** The value of one cookie (RFC 6265, 4.2); null where there is none of that name. */
export function cookieNamed(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const sign = pair.indexOf('=')
    if (sign > 0 && pair.slice(0, sign).trim() === name) return pair.slice(sign + 1).trim()
  }
  return null
}

/** Methods that change something (RFC 9110, 9.2.1). */
export function isUnsafe(request: FastifyRequest): boolean {
  const { method } = request
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
}

/** RateLimit and RateLimit-Policy as in draft-ietf-httpapi-ratelimit-headers-10; two limits are two items of the lists. */
function tellRate(reply: FastifyReply, policy: string, window: RateWindow, at: Millis): void {
  const limit = `"${policy}";r=${window.left};t=${window.secondsToReset(at)}`
  const rule = `"${policy}";q=${window.limit};w=60`
  const before = reply.getHeader('ratelimit')
  const rules = reply.getHeader('ratelimit-policy')
  reply.header('ratelimit', before === undefined ? limit : `${String(before)}, ${limit}`)
  reply.header('ratelimit-policy', rules === undefined ? rule : `${String(rules)}, ${rule}`)
}

function rateFault(reply: FastifyReply, policy: 'address' | 'key', window: RateWindow, at: Millis): Fault {
  tellRate(reply, policy, window, at)
  return new Fault('rate_limited', {
    say: `This ${policy} has used up its ${window.limit} requests a minute.`,
    retryAfterSeconds: window.secondsToReset(at),
  })
}
