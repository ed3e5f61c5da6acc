/** What protects the server: faults, headers, CORS, keys, sessions, limits. `secure` registers all of it. */
import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import cors from '@fastify/cors'
import type { FastifyHttpOptions, RawServerDefault } from 'fastify'
import type { Config } from '../config.ts'
import { Fault, type FaultCode } from '../domain/faults.ts'
import type { Millis } from '../domain/time.ts'
import type { Store } from '../store/store.ts'
import { CSRF_HEADER, type DeclaredRoute, guard, isUnsafe } from './access/guard.ts'
import { Keyring } from './access/keyring.ts'
import { isLoopbackAddress } from './access/origin.ts'
import { serverSecret } from './access/secret.ts'
import { Sessions } from './access/session.ts'
import { StartRefused } from './access/startRefused.ts'
import { type ConnectionLimits, pacedServer } from './connections.ts'
import type { Api } from './context.ts'
import { answerSocket, faultAnswers, faultOf, sendFault } from './faults.ts'
import { jsonExcess } from './jsonShape.ts'
import { sessionRoutes } from './session.ts'

export interface SecurityNeeds {
  readonly config: Config
  readonly store: Pick<Store, 'keys'>
  readonly now: () => Millis
  /** Monotonic milliseconds: for durations, which a clock that is set must not change. */
  readonly nowMs: () => number
  /** True from the moment that the server was told to stop. */
  readonly isStopping: () => boolean
  /** Called once for every fault that is answered. */
  readonly counted: (code: FaultCode) => void
}

/** What Node takes of headers by default (RFC 9110 names no limit); said here so that it is ours. */
const HEADER_BYTES_MAX = 16 * 1024
/** How often Node looks for requests that take too long to arrive; its default of 30 s would double every limit. */
const SLOW_CHECK_MS = 1000
const HEADERS_SECONDS_MAX = 10
/** Of every body that is neither a text nor a batch: a reason, a key, the settings of a training run. */
const SMALL_BODY_BYTES_MAX = 64 * 1024
/** A UTF-16 code unit as a `\\u` escape. */
const BYTES_PER_UNIT_MAX = 6
/** No body of ours nests more than 5 levels; a text of a thousand brackets is a string, which does not count. */
const JSON_DEPTH_MAX = 16
/** An item of a batch has at most 5 members. */
const VALUES_PER_ITEM_MAX = 8
const VALUES_BESIDE_ITEMS_MAX = 1000
/** Longer than the 60 s after which load balancers drop an idle connection, so that it is they who end it. */
const KEEP_ALIVE_MS = 72_000

/** Sixteen predictions of a pipeline are made together, so that their rows are committed together. */
const connectionLimits: ConnectionLimits = {
  underWayMax: 16,
  unsentBytesMax: 256 * 1024,
  waitingMax: 256,
  allUnsentBytesMax: 64 * 2 ** 20,
  connectionsMax: 10_000,
}

/** The part of Fastify's options that limits what a peer can do to the server. */
export function limits(config: Config): FastifyHttpOptions<RawServerDefault> {
  const requestMs = config.requestSecondsMax * 1000
  return {
    // One proxy: the address that it saw. What stands before that in X-Forwarded-For is the caller's own word.
    trustProxy: config.trustProxy ? (_address, hop) => hop === 0 : false,
    bodyLimit: Math.min(SMALL_BODY_BYTES_MAX, config.bodyBytesMax),
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    // What Fastify sets on a server that it makes itself is all here.
    serverFactory(handler) {
      const server = pacedServer(
        {
          maxHeaderSize: HEADER_BYTES_MAX,
          headersTimeout: Math.min(HEADERS_SECONDS_MAX * 1000, requestMs),
          requestTimeout: requestMs,
          connectionsCheckingInterval: SLOW_CHECK_MS,
          keepAliveTimeout: KEEP_ALIVE_MS,
        },
        connectionLimits,
        handler,
      )
      // A connection with an open request on which nothing moves: answered with `timeout`, see timeouts() below.
      server.setTimeout(requestMs)
      return server
    },
    clientErrorHandler: answerSocket,
    frameworkErrors(error, request, reply) {
      const fault = faultOf(error)
      sendFault(fault, request, reply)
    },
  }
}

/**
 * Registers everything that holds for all routes; call it before any route is registered, and before `app.ready()`.
 *
 * @returns every route with the scope it declares, complete once the app is ready.
 * @throws StartRefused on an address that others reach, when there is no key and INSECURE was not set.
 */
export async function secure(app: Api, needs: SecurityNeeds): Promise<readonly DeclaredRoute[]> {
  const { config, store, now, nowMs, isStopping, counted } = needs
  const secret = serverSecret(config.home, config.secret)
  const keyring = new Keyring(store.keys, secret, nowMs)
  await keyring.refresh()
  if (keyring.empty && !config.insecure && !isLoopbackAddress(config.host)) {
    throw new StartRefused(
      `Refusing to listen on ${config.host}: others can reach it, and no API key exists. ` +
        'Make one with `barometer keys create --name NAME --scopes predict,read`, or say --insecure if you mean it.',
    )
  }
  const sessions = new Sessions(secret)
  faultAnswers(app, counted)
  headers(app, isStopping)
  bodyLimits(app, config)
  jsonOnly(app, config)
  timeouts(app)
  if (config.corsOrigins.length > 0) await openTo(app, config.corsOrigins)
  const routes = guard(app, { config, keyring, sessions, now, nowMs })
  sessionRoutes(app, { config, keyring, sessions, now, nowMs })
  return routes
}

/** The page: scripts, styles and connections from here only, never in a frame. */
export const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** The documents set styles in the page itself; scripts are as strict as everywhere. */
export const DOCS_POLICY = `${PAGE_POLICY}; style-src 'self' 'unsafe-inline'`

/**
 * What helmet would send of headers that mean something here, as constants; helmet makes them anew for each request, in
 * two asynchronous hooks (docs/decisions/0007-access.md has the measurement). What can be opened as a page gets all of
 * them; the answer to a POST cannot, and gets the two that protect it from being read as something else or elsewhere.
 */
function headers(app: Api, isStopping: () => boolean): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff')
    reply.header('cross-origin-resource-policy', 'same-origin')
    if (isUnsafe(request)) return done()
    reply.header('content-security-policy', PAGE_POLICY)
    reply.header('referrer-policy', 'no-referrer')
    reply.header('cross-origin-opener-policy', 'same-origin')
    reply.header('x-frame-options', 'DENY')
    done()
  })
  // When the answer leaves, not when the request came: one that waited for its commit meanwhile must say so, too, or
  // the next request comes over a connection that is about to be closed.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isStopping()) reply.header('connection', 'close')
    done(null, payload)
  })
}

/** Bodies are JSON in UTF-8 and nothing else. */
/** What a route takes of a body: a batch as much as the setting says, a text as much as a text may have, all else little. */
function bodyLimits(app: Api, { bodyBytesMax, textCharsMax }: Config): void {
  const oneText = Math.min(bodyBytesMax, BYTES_PER_UNIT_MAX * textCharsMax + SMALL_BODY_BYTES_MAX)
  app.addHook('onRoute', (route) => {
    if (route.config?.body === 'batch') route.bodyLimit = bodyBytesMax
    else if (route.config?.body === 'text') route.bodyLimit = oneText
  })
  // Before the body is read: what is encoded would be no JSON, and is not unpacked.
  app.addHook('onRequest', (request, _reply, done) => {
    const encoding = request.headers['content-encoding']
    if (encoding === undefined || encoding.toLowerCase() === 'identity') return done()
    done(new Fault('unsupported_media', { say: 'Send the body as it is, without Content-Encoding.' }))
  })
}

function jsonOnly(app: Api, { batchItemsMax }: Config): void {
  app.removeAllContentTypeParsers()
  const shape = {
    depthMax: JSON_DEPTH_MAX,
    valuesMax: VALUES_BESIDE_ITEMS_MAX + VALUES_PER_ITEM_MAX * batchItemsMax,
  }
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const type = request.headers['content-type'] ?? ''
    // The bare type is 16 characters long, and what nearly everybody sends.
    if (type.length > 16 && !isUtf8Charset(type))
      return done(new Fault('unsupported_media', { say: 'Send JSON in UTF-8.' }))
    if (!isUtf8(body)) return done(new Fault('bad_json', { say: 'The body is not valid UTF-8.' }))
    const excess = jsonExcess(body, shape)
    if (excess !== null) return done(new Fault('bad_json', { say: `The body is not read: ${excess}.` }))
    void parse(request, body.toString('utf8'), done)
  })
}

/** RFC 8259, 8.1: JSON between systems is UTF-8; without a charset it is, too. */
function isUtf8Charset(type: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(type)
  return charset === null || /^utf-?8$/i.test(charset[1])
}

async function openTo(app: Api, origins: readonly string[]): Promise<void> {
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'x-api-key', CSRF_HEADER],
    exposedHeaders: ['ratelimit', 'ratelimit-policy', 'retry-after'],
    credentials: false,
    maxAge: 600,
  })
}

/**
 * A connection on which nothing moved for the time limit: an open request is answered with `timeout`, an answer that
 * stopped half-way is cut off, an idle connection is closed.
 */
function timeouts(app: Api): void {
  const answered = new WeakSet<Socket>()
  app.addHook('onTimeout', (request, reply, done) => {
    if (!reply.sent && !reply.raw.headersSent) {
      answered.add(request.raw.socket)
      reply.header('connection', 'close').send(new Fault('timeout', { retryAfterSeconds: 1 }))
    }
    done()
  })
  // With this listener Node leaves the closing to us; the hook above runs after it, in the same turn.
  app.server.on('timeout', (socket) => {
    setImmediate(() => {
      if (!answered.has(socket)) socket.destroy()
    })
  })
}
