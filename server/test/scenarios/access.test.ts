/** Every route of the real server × every kind of caller, and sign-in and revocation as a person meets them. */
import { execFile } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { promisify } from 'node:util'
import type { PredictAnswer, SessionAnswer } from '@barometer/wire'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey } from '../../src/api/access/keys.ts'
import { serverSecret } from '../../src/api/access/secret.ts'
import { openStore } from '../../src/store/openStore.ts'
import { bearer, type Keyed, serveKeyed } from '../keyed.ts'
import { type Served, serve } from '../serve.ts'

/** What every route must ask for. A route that is not here, or asks for something else, fails the test. */
const declared: Readonly<Record<string, 'public' | 'predict' | 'read' | 'admin'>> = {
  'POST /predict': 'predict',
  'POST /predict/batch': 'predict',
  'POST /explain': 'predict',
  'POST /feedback': 'predict',
  'GET /predictions': 'read',
  'GET /predictions/:id': 'read',
  'GET /models': 'read',
  'GET /models/:model': 'read',
  'GET /models/:model/events': 'read',
  'POST /models/:model/versions/:version/stage': 'admin',
  'POST /models/:model/rollback': 'admin',
  'POST /training-runs': 'admin',
  'GET /training-runs': 'read',
  'GET /training-runs/:id': 'read',
  'POST /training-runs/:id/cancel': 'admin',
  'GET /training-runs/:id/events': 'read',
  'GET /stats': 'read',
  'GET /events': 'read',
  'GET /metrics': 'read',
  'GET /health': 'public',
  'GET /health/live': 'public',
  'GET /health/ready': 'public',
}

/** Not doubled under /v1. */
const declaredOnce: typeof declared = {
  'POST /session': 'public',
  'GET /session': 'public',
  'DELETE /session': 'public',
  'GET /openapi.json': 'public',
}

/** The page's files and the pages of the documents: their names come from elsewhere. */
const isFile = (url: string) =>
  url === '/' || url === '/*' || /^\/(docs(\/|$)|assets\/|[^/]+\.(html|svg|ico|js|css|txt|png|webmanifest)$)/.test(url)

interface Route {
  readonly method: string
  readonly url: string
}

const routes: Route[] = []
let keyed: Keyed
let server: Served

/** Fastify announces every server it makes. */
function watch(message: unknown): void {
  const { fastify } = message as { fastify: FastifyInstance } // what it documents that it publishes there
  fastify.addHook('onRoute', ({ method, url }: RouteOptions) => {
    for (const one of [method].flat()) routes.push({ method: one, url })
  })
}

beforeAll(async () => {
  subscribe('fastify.initialization', watch)
  keyed = await serveKeyed()
  unsubscribe('fastify.initialization', watch)
  server = keyed.server
})
afterAll(() => server.end())

function scopeOf({ method, url }: Route): string | undefined {
  if (isFile(url)) return 'public'
  const path = url.replace(/^\/v1(?=\/)/, '')
  const name = `${method === 'HEAD' ? 'GET' : method} ${path}`
  return declared[name] ?? (path === url ? declaredOnce[name] : undefined)
}

test('the list of routes is the list of declared routes, no more and no less', () => {
  expect(routes.length).toBeGreaterThan(40)
  expect(routes.filter((route) => scopeOf(route) === undefined)).toEqual([])
  const seen = new Set(routes.map(({ method, url }) => `${method} ${url}`))
  for (const name of Object.keys(declared)) {
    expect(seen).toContain(name)
    expect(seen).toContain(name.replace(' ', ' /v1'))
  }
  for (const name of Object.keys(declaredOnce)) expect(seen).toContain(name)
})

/** Sends a request that gets past the guard only, and says what the guard said. */
async function ask({ method, url }: Route, headers: Record<string, string>): Promise<'allowed' | 'who' | 'scope'> {
  const path = url.replace(':model', 'nobody').replace(':version', '1').replace(':id', 'x').replace('*', '')
  const stop = new AbortController()
  const hasBody = method === 'POST'
  const response = await fetch(server.address + path, {
    method,
    headers: { ...(hasBody ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(hasBody ? { body: '{}' } : {}),
    signal: stop.signal,
  })
  // A live stream never ends, so its body is not waited for.
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  const text = isStream ? '' : await response.text()
  stop.abort()
  if (response.status === 401) {
    expect(response.headers.get('www-authenticate')).toContain('Bearer')
    return 'who'
  }
  if (response.status === 403) {
    if (method !== 'HEAD') expect(JSON.parse(text).error.code).toBe('forbidden')
    return 'scope'
  }
  expect(response.status).not.toBe(500)
  return 'allowed'
}

describe('every route', () => {
  const nobody: Readonly<Record<string, () => Record<string, string>>> = {
    'no key': () => ({}),
    'a revoked key': () => bearer(keyed.keys.revoked),
    'an expired key': () => bearer(keyed.keys.expired),
    'a malformed key': () => bearer('bk_nonsense'),
    'a key with a wrong secret': () => bearer(`${keyed.keys.all.slice(0, -2)}zz`),
    'another scheme': () => ({ authorization: `Basic ${Buffer.from(`x:${keyed.keys.all}`).toString('base64')}` }),
    'a made-up cookie': () => ({ cookie: 'barometer_session=a.9999999999999.AAAAAAAAAAAAAAAA.AAAA' }),
  }
  test.each(Object.entries(nobody))('asks %s who it is, unless it is public', async (_name, headers) => {
    for (const route of routes)
      expect([route, await ask(route, headers())]).toEqual([
        route,
        scopeOf(route) === 'public' || isSignIn(route) ? 'allowed' : 'who',
      ])
  })

  test.each(['predict', 'read', 'admin'] as const)('lets a key with %s do that, and what is public', async (scope) => {
    for (const route of routes) {
      const needed = scopeOf(route)
      const may = needed === 'public' || needed === scope || (needed === 'read' && scope === 'admin')
      expect([route, await ask(route, bearer(keyed.keys[scope]))]).toEqual([
        route,
        may || isSignIn(route) ? 'allowed' : 'scope',
      ])
    }
  })

  test('takes the key in X-API-Key as well', async () => {
    for (const route of routes)
      expect([route, await ask(route, { 'x-api-key': keyed.keys.all })]).toEqual([route, 'allowed'])
  })
})

/** POST /session is public, and `{}` is no sign-in: the body is refused, not the caller. */
function isSignIn({ method, url }: Route): boolean {
  return method === 'POST' && url === '/session'
}

test('a logged text is explained to those who may read the log only', async () => {
  const { body } = await server.call<PredictAnswer>('POST', '/predict', { text: 'fine' }, bearer(keyed.keys.predict))
  const explain = { prediction_id: body.id }
  expect(await server.call('POST', '/explain', explain, bearer(keyed.keys.predict))).toMatchObject({
    status: 403,
    body: { error: { code: 'forbidden' } },
  })
  expect(await server.call('POST', '/explain', explain, bearer(keyed.keys.all))).toMatchObject({ status: 200 })
})

test('the whole way of the page: sign in, read, change with the token, sign out', async () => {
  const page = { origin: server.address, 'sec-fetch-site': 'same-origin' }
  expect((await server.call<SessionAnswer>('GET', '/session')).body).toMatchObject({
    key_needed: true,
    signed_in: false,
  })
  const signIn = await server.call<SessionAnswer>('POST', '/session', { key: keyed.keys.all }, page)
  expect(signIn).toMatchObject({ status: 200, body: { signed_in: true, name: 'all' } })
  const cookie = (signIn.headers.get('set-cookie') ?? '').split(';')[0]
  const csrf = signIn.body.csrf ?? ''
  expect(await server.call('GET', '/predictions', undefined, { cookie, ...page })).toMatchObject({ status: 200 })
  const text = { text: 'what a lovely day' }
  expect(await server.call('POST', '/predict', text, { cookie, ...page })).toMatchObject({
    status: 403,
    body: { error: { code: 'csrf' } },
  })
  expect(await server.call('POST', '/predict', text, { cookie, ...page, 'x-csrf-token': csrf })).toMatchObject({
    status: 200,
  })
  expect(await server.call('DELETE', '/session', undefined, { cookie, ...page, 'x-csrf-token': csrf })).toMatchObject({
    status: 200,
  })
  expect(await server.call('GET', '/predictions', undefined, { cookie, ...page })).toMatchObject({ status: 401 })
})

test('a key that another process revokes stops within five seconds, and one it makes works at once', async () => {
  const store = await openStore({ url: null, home: server.config.home, now: Date.now })
  const made = createKey(
    { name: 'brief', scopes: ['read'], ratePerMinute: null, expiresAt: null },
    serverSecret(server.config.home, null),
    Date.now(),
  )
  await store.keys.create(made.stored)
  await new Promise((resolve) => setTimeout(resolve, 260))
  expect((await server.call('GET', '/models', undefined, bearer(made.shown))).status).toBe(200)
  await store.keys.revoke(made.stored.id, Date.now())
  const revoked = Date.now()
  await store.close()
  while ((await server.call('GET', '/models', undefined, bearer(made.shown))).status === 200) {
    expect(Date.now() - revoked).toBeLessThan(5000)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})

test('a rate holds over real connections, to the request', async () => {
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => server.call('GET', '/models', undefined, bearer(keyed.keys.slow))),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
  const refused = answers.filter(({ status }) => status === 429)
  expect(refused).toHaveLength(35)
  expect(Number(refused[0].headers.get('retry-after'))).toBeGreaterThan(0)
  expect(refused[0].headers.get('ratelimit')).toMatch(/^"key";r=0;t=\d+$/)
})

test('no key and no text reaches the log of the server, whatever fails', async () => {
  const program = `
    import { loadConfig } from ${JSON.stringify(import.meta.resolve('../../src/config.ts'))}
    import { startServer } from ${JSON.stringify(import.meta.resolve('../../src/main.ts'))}
    const server = await startServer(loadConfig({}, ${JSON.stringify(server.config.home)}, { home: ${JSON.stringify(server.config.home)}, port: 0, logLevel: 'debug' }))
    const send = (path, headers, body) => fetch(server.address + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
    const key = ${JSON.stringify(keyed.keys.all)}
    await send('/predict', { authorization: 'Bearer ' + key }, JSON.stringify({ text: 'TOP-SECRET-TEXT' }))
    await send('/predict', { 'x-api-key': key }, '{"text":"TOP-SECRET-TEXT"')
    await send('/predict', { 'x-api-key': key }, JSON.stringify({ text: ['TOP-SECRET-TEXT'] }))
    await send('/predict?key=' + key, { cookie: 'barometer_session=' + key }, JSON.stringify({ text: 'TOP-SECRET-TEXT' }))
    await send('/session', {}, JSON.stringify({ key }))
    await server.stop()
    process.exit(0)`
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    '--input-type=module-typescript',
    '-e',
    program,
  ])
  expect(stdout).toContain('listening')
  for (const said of [stdout, stderr]) {
    expect(said).not.toContain(keyed.keys.all)
    expect(said).not.toContain('TOP-SECRET-TEXT')
  }
})

test('an address that others reach is refused without a key', async () => {
  await expect(serve({ host: '0.0.0.0' })).rejects.toThrow(/keys create/)
})
