import { mkdtempSync } from 'node:fs'
import type { OutgoingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type InjectOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { type Config, loadConfig } from '../../config.ts'
import type { Scope } from '../../domain/apiKey.ts'
import type { Api } from '../context.ts'
import { limits, secure } from '../security.ts'
import { type FakeKeys, fakeKeys } from './fakeKeys.ts'
import { createKey } from './keys.ts'
import { serverSecret } from './secret.ts'

interface Answer {
  readonly status: number
  readonly code: string | null
  readonly headers: OutgoingHttpHeaders
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the server answered; the assertions say what it is
  readonly json: any
}

interface House {
  readonly app: Api
  readonly keys: FakeKeys
  /** `at` runs; `set` is what the wall clock was set forward by, or back. */
  readonly clock: { at: number; set: number }
  readonly counted: string[]
  readonly key: (
    scopes: readonly Scope[],
    more?: { ratePerMinute?: number | null; expiresAt?: number | null; name?: string },
  ) => Promise<string>
  readonly ask: (options: InjectOptions) => Promise<Answer>
}

/** A small server behind the real guard: one route of each scope, each for reading and for changing. */
async function house(
  overrides: Partial<Config> = {},
  before?: (house: Omit<House, 'app' | 'ask'>) => Promise<void>,
): Promise<House> {
  const config = loadConfig({}, '/', { home: mkdtempSync(join(tmpdir(), 'barometer-access-')), ...overrides })
  const keys = fakeKeys()
  const clock = { at: 1_780_000_000_000, set: 0 }
  const counted: string[] = []
  const key: House['key'] = async (scopes, { ratePerMinute = null, expiresAt = null, name = 'tester' } = {}) => {
    const made = createKey({ name, scopes, ratePerMinute, expiresAt }, serverSecret(config.home, null), clock.at)
    await keys.create(made.stored)
    clock.at += 300 // so that the new key is looked for at once
    return made.shown
  }
  await before?.({ keys, clock, counted, key })
  const app: Api = Fastify(limits(config)).withTypeProvider<TypeBoxTypeProvider>()
  await secure(app, {
    config,
    store: { keys },
    now: () => clock.at + clock.set,
    nowMs: () => clock.at,
    isStopping: () => false,
    counted: (code) => counted.push(code),
  })
  for (const scope of ['public', 'predict', 'read', 'admin'] as const) {
    app.get(`/${scope}`, { config: { scope } }, (request) => ({ scope, who: request.callerName, keyId: request.keyId }))
    app.post(`/${scope}`, { config: { scope } }, (request) => ({ scope, who: request.callerName, body: request.body }))
  }
  await app.ready()
  const ask: House['ask'] = async (options) => {
    const answer = await app.inject(options)
    const json = answer.body === '' ? null : answer.json()
    return { status: answer.statusCode, code: json?.error?.code ?? null, headers: answer.headers, json }
  }
  return { app, keys, clock, counted, key, ask }
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const local = { host: 'localhost:8000' }

describe('an open server: on loopback, while no key was ever made', () => {
  test('lets everybody on this machine do everything', async () => {
    const { ask } = await house()
    for (const url of ['/public', '/predict', '/read', '/admin'])
      for (const method of ['GET', 'POST'] as const)
        expect(await ask({ url, method, headers: local, ...(method === 'POST' ? { payload: {} } : {}) })).toMatchObject(
          { status: 200, json: { who: 'local' } },
        )
  })

  test('answers to loopback names only, so that a rebound name of a foreign page reaches nothing', async () => {
    const { ask } = await house()
    for (const url of ['/public', '/predict', '/read', '/admin'])
      expect(await ask({ url, headers: { host: 'rebound.example:8000' } })).toMatchObject({
        status: 403,
        code: 'foreign_host',
      })
    const named = await house({ allowedHosts: ['mood.example'] })
    expect(await named.ask({ url: '/read', headers: { host: 'mood.example' } })).toMatchObject({ status: 200 })
  })

  test('takes no change and no hidden read from a page of another origin', async () => {
    const { ask } = await house({ corsOrigins: ['https://friend.example'] })
    const foreign = {
      ...local,
      origin: 'https://evil.example',
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'cors',
    }
    expect(await ask({ url: '/predict', method: 'POST', payload: {}, headers: foreign })).toMatchObject({
      status: 403,
      code: 'foreign_page',
    })
    expect(await ask({ url: '/read', headers: foreign })).toMatchObject({ code: 'foreign_page' })
    expect(
      await ask({
        url: '/predict',
        method: 'POST',
        payload: {},
        headers: { ...foreign, origin: 'https://friend.example' },
      }),
    ).toMatchObject({ status: 200 })
    // What a form of any page can send without asking first: another media type.
    const form = { ...local, 'content-type': 'text/plain' }
    expect(await ask({ url: '/predict', method: 'POST', payload: '{}', headers: form })).toMatchObject({
      code: 'unsupported_media',
    })
  })

  test('is closed from the first key on, and stays so when that key is revoked', async () => {
    const { ask, key, keys, clock } = await house()
    const shown = await key(['read'])
    clock.at += 5001
    expect(await ask({ url: '/read', headers: local })).toMatchObject({ status: 401, code: 'unauthorised' })
    expect(await ask({ url: '/read', headers: { ...local, ...bearer(shown) } })).toMatchObject({ status: 200 })
    await keys.revoke(shown.split('_')[1], clock.at)
    clock.at += 5001
    for (const headers of [local, { ...local, ...bearer(shown) }])
      expect(await ask({ url: '/read', headers })).toMatchObject({ status: 401 })
  })
})

describe('an address that others reach', () => {
  test('is refused at start without a key, unless that is what was asked for', async () => {
    await expect(house({ host: '0.0.0.0' })).rejects.toThrow(/keys create/)
    const { ask } = await house({ host: '0.0.0.0', insecure: true })
    expect(await ask({ url: '/admin', headers: { host: '192.0.2.1:8000' } })).toMatchObject({ status: 200 })
  })

  test('starts with a key, and asks for it by any host name', async () => {
    let shown = ''
    const { ask } = await house({ host: '0.0.0.0' }, async ({ key }) => {
      shown = await key(['predict'])
    })
    const headers = { host: 'api.example' }
    expect(await ask({ url: '/predict', headers })).toMatchObject({ status: 401 })
    expect(await ask({ url: '/public', headers })).toMatchObject({ status: 200 })
    expect(await ask({ url: '/predict', headers: { ...headers, ...bearer(shown) } })).toMatchObject({
      status: 200,
      json: { who: 'tester' },
    })
  })
})

describe('a key', () => {
  test('is taken as a bearer token or in X-API-Key, and never half', async () => {
    const { ask, key } = await house()
    const shown = await key(['read'])
    for (const headers of [bearer(shown), { authorization: `bearer ${shown}` }, { 'x-api-key': shown }])
      expect(await ask({ url: '/read', headers: { ...local, ...headers } })).toMatchObject({ status: 200 })
    for (const headers of [
      { authorization: shown },
      { authorization: `Basic ${shown}` },
      bearer(`${shown}x`),
      bearer(''),
      { 'x-api-key': '' },
      bearer(shown.slice(0, -1)),
    ]) {
      const answer = await ask({ url: '/read', headers: { ...local, ...headers } })
      expect(answer).toMatchObject({ status: 401, code: 'unauthorised' })
      expect(answer.headers['www-authenticate']).toContain('Bearer realm="barometer"')
    }
  })

  test('without the scope is told which one is missing', async () => {
    const { ask, key } = await house()
    const answer = await ask({ url: '/admin', headers: { ...local, ...bearer(await key(['predict', 'read'])) } })
    expect(answer).toMatchObject({ status: 403, code: 'forbidden' })
    expect(answer.json.error.message).toContain('“admin”')
    expect(answer.headers['www-authenticate']).toContain('insufficient_scope')
  })

  test('is not held up by a clock that is set back an hour: rates, and how long the keys are believed, run on', async () => {
    const { ask, key, keys, clock } = await house()
    const shown = await key(['read'], { ratePerMinute: 2 })
    const headers = { ...local, ...bearer(shown) }
    await ask({ url: '/read', headers })
    await ask({ url: '/read', headers })
    clock.set = -3_600_000
    const refused = await ask({ url: '/read', headers })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(65)
    clock.at += Number(refused.headers['retry-after']) * 1000
    expect((await ask({ url: '/read', headers })).status).toBe(200)
    await keys.revoke(shown.split('_')[1], clock.at)
    clock.at += 5001
    expect((await ask({ url: '/read', headers })).status).toBe(401)
  })

  test('keeps exactly to its rate, however many ask at once, and says what is left', async () => {
    const { ask, key, clock, counted } = await house()
    const headers = { ...local, ...bearer(await key(['read'], { ratePerMinute: 50 })) }
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask({ url: '/read', headers })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50)
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(150)
    expect(counted.filter((code) => code === 'rate_limited')).toHaveLength(150)
    expect(refused[0].headers).toMatchObject({ 'ratelimit-policy': '"key";q=50;w=60' })
    expect(refused[0].headers.ratelimit).toMatch(/^"key";r=0;t=\d+$/)
    clock.at += Number(refused[0].headers['retry-after']) * 1000
    const again = await ask({ url: '/read', headers })
    expect(again.status).toBe(200)
    expect(again.headers.ratelimit).toMatch(/^"key";r=49;t=65$/)
  })

  test('works from memory while the store is lost, for five seconds; then the fault says so', async () => {
    const { ask, key, keys, clock } = await house()
    const headers = { ...local, ...bearer(await key(['read'])) }
    expect(await ask({ url: '/read', headers })).toMatchObject({ status: 200 })
    keys.lost = true
    clock.at += 4000
    expect(await ask({ url: '/read', headers })).toMatchObject({ status: 200 })
    clock.at += 2000
    const answer = await ask({ url: '/read', headers })
    expect(answer).toMatchObject({ status: 503, code: 'store_unavailable' })
    expect(answer.headers['retry-after']).toBe('1')
    keys.lost = false
    clock.at += 300
    expect(await ask({ url: '/read', headers })).toMatchObject({ status: 200 })
  })
})

describe('a rate for each address', () => {
  test('holds for keys, strangers and unknown routes together', async () => {
    const { ask, key } = await house({ ratePerAddress: 10 })
    const headers = { ...local, ...bearer(await key(['read'], { ratePerMinute: 100 })) }
    const first = await ask({ url: '/read', headers, remoteAddress: '192.0.2.1' })
    expect(first.headers['ratelimit-policy']).toBe('"address";q=10;w=60, "key";q=100;w=60')
    for (let i = 0; i < 9; i++)
      await ask({ url: i % 2 ? '/nowhere' : '/read', headers: local, remoteAddress: '192.0.2.1' })
    for (const url of ['/read', '/nowhere', '/public'])
      expect(await ask({ url, headers, remoteAddress: '192.0.2.1' })).toMatchObject({
        status: 429,
        code: 'rate_limited',
      })
    expect(await ask({ url: '/read', headers, remoteAddress: '192.0.2.2' })).toMatchObject({ status: 200 })
  })

  test('reads X-Forwarded-For only where TRUST_PROXY allows it, and then only its last address', async () => {
    const lastOf = async (trustProxy: boolean, forwarded: (i: number) => string): Promise<number> => {
      const { ask } = await house({ ratePerAddress: 3, trustProxy })
      let status = 0
      for (let i = 0; i < 6; i++)
        status = (await ask({ url: '/read', headers: { ...local, 'x-forwarded-for': forwarded(i) } })).status
      return status
    }
    expect(await lastOf(false, (i) => `198.51.100.${i}`)).toBe(429)
    expect(await lastOf(true, (i) => `198.51.100.${i}`)).toBe(200)
    // A caller who makes up addresses; the proxy appends the true one.
    expect(await lastOf(true, (i) => `198.51.100.${i}, 203.0.113.9`)).toBe(429)
  })
})

async function signedIn(overrides: Partial<Config> = {}, headers: Record<string, string> = {}) {
  const it = await house(overrides)
  const shown = await it.key(['predict', 'read'], { name: 'Ann' })
  it.clock.at += 5001
  const answer = await it.ask({
    method: 'POST',
    url: '/session',
    payload: { key: shown },
    headers: { ...local, ...headers },
  })
  const setCookie = String(answer.headers['set-cookie'])
  return { ...it, shown, answer, setCookie, cookie: setCookie.split(';')[0], csrf: answer.json.csrf as string }
}

describe('a session of the page', () => {
  test('begins with a key and goes on without it', async () => {
    const { ask, answer, setCookie, cookie, shown } = await signedIn()
    expect(answer.json).toMatchObject({ key_needed: true, signed_in: true, name: 'Ann', scopes: ['predict', 'read'] })
    expect(setCookie).toMatch(/HttpOnly/)
    expect(setCookie).toMatch(/SameSite=Strict/)
    expect(setCookie).toMatch(/Max-Age=43200/)
    expect(setCookie).not.toContain(shown)
    expect(setCookie).not.toMatch(/Secure/)
    expect(await ask({ url: '/read', headers: { ...local, cookie } })).toMatchObject({
      status: 200,
      json: { who: 'Ann' },
    })
    expect(await ask({ url: '/session', headers: { ...local, cookie } })).toMatchObject({
      json: { signed_in: true, csrf: answer.json.csrf },
    })
    expect(await ask({ url: '/admin', headers: { ...local, cookie } })).toMatchObject({
      status: 403,
      code: 'forbidden',
    })
  })

  test('is Secure behind a trusted proxy that speaks TLS', async () => {
    expect((await signedIn({ trustProxy: true }, { 'x-forwarded-proto': 'https' })).setCookie).toMatch(/Secure/)
    expect((await signedIn({ trustProxy: false }, { 'x-forwarded-proto': 'https' })).setCookie).not.toMatch(/Secure/)
  })

  test('changes nothing without its own token, nor for a page of another origin', async () => {
    const { ask, cookie, csrf } = await signedIn()
    const other = await signedIn()
    const post = (headers: Record<string, string>) =>
      ask({ method: 'POST', url: '/predict', payload: {}, headers: { ...local, cookie, ...headers } })
    expect(await post({ 'x-csrf-token': csrf })).toMatchObject({ status: 200, json: { who: 'Ann' } })
    expect(await post({})).toMatchObject({ status: 403, code: 'csrf' })
    expect(await post({ 'x-csrf-token': other.csrf })).toMatchObject({ status: 403, code: 'csrf' })
    expect(await post({ 'x-csrf-token': csrf, 'sec-fetch-site': 'same-site' })).toMatchObject({
      status: 403,
      code: 'foreign_page',
    })
    expect(
      await ask({
        method: 'POST',
        url: '/session',
        payload: { key: 'x' },
        headers: { ...local, origin: 'https://evil.example' },
      }),
    ).toMatchObject({ code: 'foreign_page' })
  })

  test('ends with its key, with its time, and with a sign-out', async () => {
    const revoked = await signedIn()
    await revoked.keys.revoke(revoked.shown.split('_')[1], revoked.clock.at)
    revoked.clock.at += 5001
    expect(await revoked.ask({ url: '/read', headers: { ...local, cookie: revoked.cookie } })).toMatchObject({
      status: 401,
    })
    expect(await revoked.ask({ url: '/session', headers: { ...local, cookie: revoked.cookie } })).toMatchObject({
      json: { signed_in: false },
    })

    const over = await signedIn()
    over.clock.at += 12 * 3_600_000
    expect(await over.ask({ url: '/read', headers: { ...local, cookie: over.cookie } })).toMatchObject({ status: 401 })

    const out = await signedIn()
    const headers = { ...local, cookie: out.cookie }
    expect(await out.ask({ method: 'DELETE', url: '/session', headers })).toMatchObject({ status: 403, code: 'csrf' })
    const answer = await out.ask({
      method: 'DELETE',
      url: '/session',
      headers: { ...headers, 'x-csrf-token': out.csrf },
    })
    expect(answer).toMatchObject({ status: 200, json: { signed_in: false } })
    expect(String(answer.headers['set-cookie'])).toMatch(/Max-Age=0/)
    expect(await out.ask({ url: '/read', headers })).toMatchObject({ status: 401 })
  })

  test('takes ten sign-ins a minute from one address, right or wrong', async () => {
    const { ask, shown } = await signedIn()
    const tries = []
    for (let i = 0; i < 12; i++)
      tries.push(
        (await ask({ method: 'POST', url: '/session', payload: { key: i % 2 ? shown : 'wrong' }, headers: local }))
          .status,
      )
    expect(tries.filter((status) => status !== 429)).toHaveLength(9)
    expect(tries.slice(-3)).toEqual([429, 429, 429])
  })

  test('an open server needs none', async () => {
    const { ask } = await house()
    const open = { key_needed: false, signed_in: false, scopes: ['predict', 'read', 'admin'] }
    expect(await ask({ url: '/session', headers: local })).toMatchObject({ status: 200, json: open })
    expect(await ask({ method: 'POST', url: '/session', payload: { key: 'x' }, headers: local })).toMatchObject({
      status: 200,
      json: open,
    })
  })
})

test('a route that declares no scope keeps the server from starting', async () => {
  const config = loadConfig({}, '/', { home: mkdtempSync(join(tmpdir(), 'barometer-access-')) })
  const app: Api = Fastify(limits(config)).withTypeProvider<TypeBoxTypeProvider>()
  await secure(app, {
    config,
    store: { keys: fakeKeys() },
    now: Date.now,
    nowMs: () => performance.now(),
    isStopping: () => false,
    counted: () => {},
  })
  app.get('/forgotten', () => 'x')
  await expect(app.ready()).rejects.toThrow('/forgotten declares no scope')
})

test('other pages are let in by name only', async () => {
  const closed = await house()
  const preflight = {
    method: 'OPTIONS',
    url: '/predict',
    headers: { ...local, origin: 'https://friend.example', 'access-control-request-method': 'POST' },
  } as const
  expect((await closed.ask(preflight)).headers['access-control-allow-origin']).toBeUndefined()
  const { ask } = await house({ corsOrigins: ['https://friend.example'] })
  const allowed = await ask(preflight)
  expect(allowed.headers['access-control-allow-origin']).toBe('https://friend.example')
  expect(allowed.headers['access-control-allow-credentials']).toBeUndefined()
  const evil = await ask({ ...preflight, headers: { ...preflight.headers, origin: 'https://evil.example' } })
  expect(evil.headers['access-control-allow-origin']).not.toBe('https://evil.example')
})
