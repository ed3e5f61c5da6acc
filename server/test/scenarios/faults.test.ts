/** Every fault of the table, provoked over HTTP against the real server; and rubbish of every kind. */
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import type { FaultBody, PredictAnswer, PredictBatchAnswer } from '@barometer/wire'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FaultCode, faults } from '../../src/domain/faults.ts'
import { register } from '../../src/loop/register.ts'
import { openStore } from '../../src/store/openStore.ts'
import { makeArtifact } from '../../src/versions/artifacts/artifact.ts'
import { verifyArtifact } from '../../src/versions/artifacts/folder.ts'
import { withBug } from '../bug.ts'
import { bearer, type Keyed, serveKeyed } from '../keyed.ts'
import { openAtOnce } from '../openAtOnce.ts'
import { type Answer, type Served, serve } from '../serve.ts'

/** Codes that no request can meet, and where they are tested instead. */
const notOverHttp: Readonly<Partial<Record<FaultCode, string>>> = {
  model_unsupported: 'of models from elsewhere, on the command line: server/src/engine/onnx',
  queue_full: 'of neural models: server/test/scenarios/transformer.test.ts',
  caller_left: 'nobody is there to read it: server/src/engine/serve',
  scoring_failed: 'of neural models: server/src/engine/serve',
  hub_unknown: 'of pulling models, on the command line: server/src/versions/hub',
  hub_refused: 'of pulling models, on the command line: server/src/versions/hub',
  hub_broken: 'of pulling models, on the command line: server/src/versions/hub',
  hub_unreachable: 'of pulling models, on the command line: server/src/versions/hub',
  disk_full: 'of training runs, which say it where they are kept: server/src/training/jobs',
  training_diverged: 'of a run that learns: server/src/engine/fit',
  checkpoint_unusable: 'of a run that is taken up again: server/src/engine/fit',
  store_unusable: 'of a damaged database: server/test/scenarios/storeFails.test.ts',
  home_unusable: 'of a start, on the command line: server/test/tooling/start.test.ts',
  not_ready: 'the server listens only when it is ready: server/src/api/access.ts is the last guard',
  stopping: 'open connections are answered to the last while the server stops: server/test/contracts',
}

const provoked = new Set<string>()
const CHARS_MAX = 1000
const SECONDS_MAX = 2

let server: Served
let port: number
let keyed: Keyed

beforeAll(async () => {
  server = await withBug(() =>
    serve({
      textCharsMax: CHARS_MAX,
      bodyBytesMax: 64 * 1024,
      batchItemsMax: 10,
      requestSecondsMax: SECONDS_MAX,
      logLevel: 'silent',
    }),
  )
  port = Number(new URL(server.address).port)
  keyed = await serveKeyed({ logLevel: 'silent' })
})
afterAll(async () => {
  await server.end()
  await keyed.server.end()
})

/** The answer is this fault, in the one shape that all faults have. */
function expectFault(answer: Answer<FaultBody>, code: FaultCode): FaultBody['error'] {
  expect(answer.body).toMatchObject({ error: { code } })
  expect(answer.status).toBe(faults[code].status)
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
  const { error } = answer.body
  expect(error.message.length).toBeGreaterThan(10)
  expect(error.requestId).toMatch(/\S/)
  if (answer.status === 429 || answer.status === 503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(code === 'no_model' ? 0 : 1)
  provoked.add(code)
  return error
}

/** Sends bytes over a connection of its own and reads until the server closes it. */
async function raw(parts: readonly (string | Buffer | number)[], to = port): Promise<string> {
  const socket: Socket = connect(to, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')))
  const closed = new Promise((resolve) => socket.on('close', resolve).on('error', resolve))
  for (const part of parts) {
    if (typeof part === 'number') await new Promise((resolve) => setTimeout(resolve, part))
    else if (socket.writable) socket.write(part)
  }
  await closed
  return answer
}

function rawFault(answer: string, code: FaultCode): void {
  const [head, body] = answer.split('\r\n\r\n')
  expect(head).toContain(`HTTP/1.1 ${faults[code].status} `)
  expect(JSON.parse(body)).toMatchObject({ error: { code } })
  provoked.add(code)
}

const post = (body: unknown, path = '/predict', headers: Record<string, string> = {}) =>
  server.call('POST', path, body, headers)
const json = { 'content-type': 'application/json' }

describe('what is asked', () => {
  test.each<[string, unknown]>([
    ['cut short', '{"text": "x"'],
    ['empty', ''],
    ['not JSON at all', 'text=hello'],
    ['single quotes', "{'text':'x'}"],
    ['two documents', '{"text":"x"}{"text":"y"}'],
    ['a NUL byte between', '{"text":\u0000"x"}'],
    ['a key that would change every object', '{"text":"x","__proto__":{"admin":true}}'],
    ['the same, escaped', '{"text":"x","\\u005f_proto__":{"admin":true}}'],
    ['a constructor with a prototype', '{"text":"x","constructor":{"prototype":{"admin":true}}}'],
    ['a byte-order mark and nothing', '\ufeff'],
    ['NaN', '{"text":NaN}'],
  ])('bad_json: %s', async (_what, body) => {
    expectFault(await server.call('POST', '/predict', body, json), 'bad_json')
    expect('admin' in {}).toBe(false)
  })

  test('bad_json: bytes that are not UTF-8 are not guessed at', async () => {
    const body = Buffer.concat([Buffer.from('{"text":"caf'), Buffer.from([0xe9]), Buffer.from('"}')])
    const answer = await fetch(`${server.address}/predict`, { method: 'POST', headers: json, body })
    expect(await answer.json()).toMatchObject({ error: { code: 'bad_json', message: 'The body is not valid UTF-8.' } })
  })

  test.each<[string, unknown, string]>([
    ['no text', {}, 'body'],
    ['a number', { text: 12 }, 'body/text'],
    ['null', { text: null }, 'body/text'],
    ['a list', { text: ['x'] }, 'body/text'],
    ['an object', { text: { toString: 'x' } }, 'body/text'],
    ['a wrong flag', { text: 'x', explain: 'yes' }, 'body/explain'],
    ['a wrong task', { text: 'x', task: '../../etc/passwd' }, 'body/task'],
    ['an id with blanks', { text: 'x', id: 'a b' }, 'body/id'],
    ['a long source', { text: 'x', source: 's'.repeat(200) }, 'body/source'],
    ['a list as body', [], 'body'],
    ['a string as body', '"x"', 'body'],
    ['a number as body', '1e400', 'body'],
    ['null as body', 'null', 'body'],
  ])('bad_request: %s, and the place is named', async (_what, body, place) => {
    const { details } = expectFault(await server.call('POST', '/predict', body, json), 'bad_request')
    expect(details?.[0].path).toBe(place)
  })

  test('bad_request: a choice is told with all its words, once', async () => {
    const { message, details } = expectFault(
      await server.call('POST', '/explain', { text: 'x', method: 'magic' }, json),
      'bad_request',
    )
    expect(message).toBe('body/method must be one of "gradients", "occlusion".')
    expect(details).toEqual([{ path: 'body/method', message: 'must be one of "gradients", "occlusion"' }])
  })

  test.each([
    '/predictions?limit=0',
    '/predictions?limit=abc',
    '/predictions?limit=1e9',
    '/predictions?since=yesterday',
    '/predictions?confidence_min=2',
    '/predictions?cursor=%00%ff',
    '/predictions?cursor=No%20cursor',
    '/predictions?format=xml',
    '/predictions?q=',
    '/stats?version=-1',
    '/models/%2e%2e%2f',
    '/predictions/%E0%A4%A',
    `/predictions/${'x'.repeat(300)}`,
  ])('bad_request: GET %s', async (path) => {
    expectFault(await server.call('GET', path), 'bad_request')
  })

  test.each(['', '   ', '\n\t\u00a0\u2003'])('empty_text: %j', async (text) => {
    expectFault(await post({ text }), 'empty_text')
  })

  test('text_too_long says how long and what the limit is', async () => {
    expect(await post({ text: 'x'.repeat(CHARS_MAX) })).toMatchObject({ status: 200 })
    const { message } = expectFault(await post({ text: 'x'.repeat(CHARS_MAX + 1) }), 'text_too_long')
    expect(message).toContain('1001')
    expect(message).toContain('1000')
  })

  test('batch_too_large and body_too_large', async () => {
    expectFault(await post({ texts: Array(11).fill('x') }, '/predict/batch'), 'batch_too_large')
    expectFault(await post({ texts: ['x'.repeat(70_000)] }, '/predict/batch'), 'body_too_large')
  })

  test('body_too_large: what is no text and no batch is short', async () => {
    expectFault(await server.call('POST', '/session', { key: 'x'.repeat(70_000) }), 'body_too_large')
    expectFault(await server.call('POST', '/models/sentiment/rollback', { why: 'x'.repeat(70_000) }), 'body_too_large')
  })

  test('bad_json: a body of brackets is refused before it is parsed', async () => {
    const nested = `{"texts":${'['.repeat(20)}${']'.repeat(20)}}`
    expect(expectFault(await post(nested, '/predict/batch'), 'bad_json').message).toContain('nests more than 16 levels')
    const many = `{"texts":[${'[],'.repeat(10_000)}[]]}`
    expect(expectFault(await post(many, '/predict/batch'), 'bad_json').message).toContain('values')
  })

  test('unsupported_media: an encoded body is not unpacked', async () => {
    for (const encoding of ['gzip', 'br', 'deflate, gzip'])
      expectFault(
        await server.call('POST', '/predict', { text: 'x' }, { 'content-encoding': encoding }),
        'unsupported_media',
      )
    expect(await server.call('POST', '/predict', { text: 'x' }, { 'content-encoding': 'identity' })).toMatchObject({
      status: 200,
    })
  })

  test('a batch keeps its order, with a fault in the place of each text that cannot be scored', async () => {
    const { body } = await server.call<PredictBatchAnswer>('POST', '/predict/batch', {
      texts: ['good', ' ', 'x'.repeat(1001), 'bad'],
    })
    expect(body.predictions.map((one) => ('error' in one ? one.error.code : 'ok'))).toEqual([
      'ok',
      'empty_text',
      'text_too_long',
      'ok',
    ])
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'nonsense',
    'application/json; charset=iso-8859-1',
    'application/json; charset=utf-16',
  ])('unsupported_media: %s', async (type) => {
    expectFault(await post('{"text":"x"}', '/predict', { 'content-type': type }), 'unsupported_media')
  })

  test.each([
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON',
    'application/json; charset="utf-8"',
  ])('JSON is taken as %s', async (type) => {
    expect(await post('{"text":"fine"}', '/predict', { 'content-type': type })).toMatchObject({ status: 200 })
  })

  test('what does not exist is named for what it is', async () => {
    expectFault(await post({ text: 'x', task: 'astrology' }), 'task_unknown')
    expectFault(await server.call('GET', '/models/astrology'), 'model_unknown')
    expectFault(await post({ action: 'promote' }, '/models/sentiment/versions/99/stage'), 'version_unknown')
    expectFault(await server.call('GET', '/predictions/nobody'), 'prediction_unknown')
    expectFault(await post({ prediction_id: 'nobody', label: 'positive' }, '/feedback'), 'prediction_unknown')
    expectFault(await server.call('GET', '/nowhere'), 'route_unknown')
    expectFault(await server.call('GET', '/../../etc/passwd'), 'route_unknown')
    expectFault(await post({}, '/v2/predict'), 'route_unknown')
    const wrong = await server.call('GET', '/predict')
    expectFault(wrong, 'method_not_allowed')
    expect(wrong.headers.get('allow')).toBe('POST')
    expectFault(await server.call('DELETE', '/v1/models/sentiment'), 'method_not_allowed')
  })

  test('label_unknown and id_conflict', async () => {
    const first = await server.call<PredictAnswer>('POST', '/predict', { text: 'one', id: 'order-1' })
    expectFault(await post({ prediction_id: first.body.id, label: 'purple' }, '/feedback'), 'label_unknown')
    expectFault(await post({ text: 'another', id: 'order-1' }), 'id_conflict')
    expect((await server.call<PredictAnswer>('POST', '/predict', { text: 'one', id: 'order-1' })).body).toMatchObject({
      id: first.body.id,
      repeated: true,
    })
  })

  test('data_broken: a training run on a file that is not in the folder of data', async () => {
    for (const path of ['none.csv', '../barometer.db', '/etc/passwd'])
      expectFault(await post({ model: 'pets', data: { kind: 'file', path } }, '/training-runs'), 'data_broken')
  })

  test('run_unknown and run_over: of training runs', async () => {
    expectFault(await post(undefined, '/training-runs/nobody/cancel'), 'run_unknown')
    const asked = { model: 'pets', data: { kind: 'feedback', task: 'nothing' } }
    const run = await server.call<{ id: string }>('POST', '/training-runs', asked)
    await server.call('POST', `/training-runs/${run.body.id}/cancel`)
    await expect
      .poll(async () => (await post(undefined, `/training-runs/${run.body.id}/cancel`)).body.error?.code, {
        timeout: 20_000,
      })
      .toBe('run_over')
    expectFault(await post(undefined, `/training-runs/${run.body.id}/cancel`), 'run_over')
  })

  test('stage_conflict: what is in production is not promoted again', async () => {
    expectFault(await post({ action: 'promote' }, '/models/sentiment/versions/1/stage'), 'stage_conflict')
  })
})

describe('how it is sent', () => {
  test('headers_too_large: a megabyte of headers', async () => {
    rawFault(
      await raw([`GET /health HTTP/1.1\r\nhost: localhost\r\nx-long: ${'x'.repeat(2 ** 20)}\r\n\r\n`]),
      'headers_too_large',
    )
  })

  test('too_slow: a body that drips is answered when the time is over, and the server serves others meanwhile', async () => {
    const begun = performance.now()
    const slow = raw([
      'POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n',
      ...Array.from({ length: 40 }, () => [' ', 200]).flat(),
    ])
    for (let i = 0; i < 10; i++) expect(await post({ text: 'quick' })).toMatchObject({ status: 200 })
    rawFault(await slow, 'too_slow')
    expect(performance.now() - begun).toBeLessThan((SECONDS_MAX + 10) * 1000)
  })

  test('too_slow: headers that drip', async () => {
    const drip = Array.from('GET /health HTTP/1.1\r\nhost: localhost\r\nx-slow: yes', (letter) => [letter, 150]).flat()
    const answer = await raw(drip)
    rawFault(answer, 'too_slow')
  })

  test('a connection that says nothing is closed', async () => {
    const begun = performance.now()
    const answer = await raw([])
    expect(performance.now() - begun).toBeLessThan((SECONDS_MAX + 10) * 1000)
    if (answer !== '') rawFault(answer, 'too_slow')
  })

  test.each<[string, string | Buffer]>([
    ['not HTTP', 'HELO mail.example\r\n\r\n'],
    ['TLS', Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])],
    ['two lengths', 'POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}'],
    [
      'a length and chunks (request smuggling)',
      'POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a negative length', 'POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n'],
    [
      'a chunk size that is none',
      'POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n',
    ],
    ['a NUL in a header', 'GET /health HTTP/1.1\r\nhost: localhost\r\nx-nul: a\0b\r\n\r\n'],
    ['a NUL in the address', 'GET /hea\0lth HTTP/1.1\r\nhost: localhost\r\n\r\n'],
    ['no host', 'GET /health HTTP/1.1\r\n\r\n'],
  ])('bad_request: %s', async (_what, bytes) => {
    const answer = await raw([bytes, 50, 'GET / HTTP/1.0\r\n\r\n'])
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    // Node itself answers a request without a host, with no body.
    if (answer.includes('{')) rawFault(answer, 'bad_request')
  })

  test('a chunked body that ends in the middle changes nothing', async () => {
    const before = await countRows()
    const socket = connect(port, '127.0.0.1')
    socket.end(
      'POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{"text":"half of',
    )
    await new Promise((resolve) => socket.on('close', resolve).resume())
    const cut = connect(port, '127.0.0.1')
    cut.write(
      'POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{"text":"ha',
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    cut.resetAndDestroy()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await countRows()).toBe(before)
  })

  test('timeout: an answer that does not come within the limit, because the database is locked', async () => {
    const holder = new DatabaseSync(join(server.config.home, 'barometer.db'))
    holder.exec('BEGIN IMMEDIATE')
    try {
      const begun = performance.now()
      const answer = await post({ text: 'are you there' })
      expect(performance.now() - begun).toBeLessThan((SECONDS_MAX + 3) * 1000)
      expectFault(answer, 'timeout')
    } finally {
      holder.exec('ROLLBACK')
      holder.close()
    }
    // It recovers by itself.
    await expect.poll(async () => (await post({ text: 'and now' })).status, { timeout: 10_000 }).toBe(200)
  })
})

describe('what is inside', () => {
  test('internal: a bug shows the id under which the log has it, and nothing else', async () => {
    const answer = await server.call('GET', '/bug')
    const { message, requestId } = expectFault(answer, 'internal')
    expect(JSON.stringify(answer.body)).not.toMatch(/hunter2|password|\.ts|at /)
    expect(message).toBe(faults.internal.say)
    expect(requestId).toBeDefined()
  })

  test('overloaded: more waits for its commit than may wait', async () => {
    const small = await serve({ queueRowsMax: 2, logLevel: 'silent' })
    expectFault(await small.call('POST', '/predict/batch', { texts: ['a', 'b', 'c', 'd', 'e'] }), 'overloaded')
    expect(await small.call('POST', '/predict', { text: 'one fits' })).toMatchObject({ status: 200 })
    await small.end()
  })

  test('explain_unsupported: a text that the log did not keep is not explained', async () => {
    const private_ = await serve({ keepText: 'hash', logLevel: 'silent' })
    const { body } = await private_.call<PredictAnswer>('POST', '/predict', { text: 'nobody keeps this' })
    expectFault(await private_.call('POST', '/explain', { prediction_id: body.id }), 'explain_unsupported')
    await private_.end()
  })

  test('artifact_broken and no_model: a version that was tampered with is neither served nor promoted', async () => {
    const first = await serve({ logLevel: 'silent' })
    await first.stop()
    const starter = await verifyArtifact(fileURLToPath(new URL('../../../starter/sentiment', import.meta.url)))
    const { files: _, ...parts } = starter.manifest
    const mine = [1, 2].map((seed) => makeArtifact({ ...parts, seed, model: 'mine', task: 'mine' }, starter.files))
    const { home } = first.config
    const store = await openStore({ url: null, home, now: Date.now })
    const by = { who: 'test', why: 'to break it' }
    const needs = { store, modelsFolder: join(home, 'models'), open: openAtOnce, now: Date.now }
    for (const artifact of mine) await register(artifact, by, needs)
    await store.registry.promote({ model: 'mine', version: 1, at: Date.now(), ...by })
    await store.close()
    for (const { digest, files } of mine) {
      const [largest] = Object.keys(files).sort((a, b) => files[b].length - files[a].length)
      const path = join(home, 'models', digest.slice(0, 16), largest)
      const bytes = readFileSync(path)
      bytes[bytes.length >> 1] ^= 1
      writeFileSync(path, bytes)
    }

    const second = await first.again()
    expectFault(await second.call('POST', '/predict', { text: 'x', task: 'mine' }), 'no_model')
    const promotion = await second.call('POST', '/models/mine/versions/2/stage', { action: 'promote' })
    expectFault(promotion, 'artifact_broken')
    // One model of the user's own is told, and takes no traffic from the others.
    const models = { name: 'models', ok: false, detail: 'cannot load: mine' }
    for (const [path, status] of [['/health', 503] as const, ['/health/ready', 200] as const])
      expect(await second.call('GET', path)).toMatchObject({
        status,
        body: { status: 'degraded', checks: expect.arrayContaining([models]) },
      })
    expect(await second.call('GET', '/health/live')).toMatchObject({ status: 200 })
    // The others are served all the same.
    expect(await second.call('POST', '/predict', { text: 'fine' })).toMatchObject({ status: 200 })
    await second.end()
  })

  test('store_unavailable: the database is locked for long; it recovers by itself', async () => {
    const ask = () => keyed.server.call('POST', '/predict', { text: 'are you there' }, bearer(keyed.keys.all))
    const holder = new DatabaseSync(join(keyed.server.config.home, 'barometer.db'))
    holder.exec('BEGIN IMMEDIATE')
    try {
      expectFault(await ask(), 'store_unavailable')
    } finally {
      holder.exec('ROLLBACK')
      holder.close()
    }
    await expect.poll(async () => (await ask()).status, { timeout: 10_000 }).toBe(200)
  })
})

const from = (headers: Record<string, string>) => keyed.server.call('POST', '/predict', { text: 'x' }, headers)

describe('who asks', () => {
  test('unauthorised, forbidden, rate_limited', async () => {
    expectFault(await from({}), 'unauthorised')
    expectFault(await from(bearer(keyed.keys.read)), 'forbidden')
    let last = await from(bearer(keyed.keys.slow))
    for (let i = 0; i < 6; i++) last = await from(bearer(keyed.keys.slow))
    expectFault(last, 'rate_limited')
  })

  test('csrf and foreign_page', async () => {
    const signIn = await keyed.server.call('POST', '/session', { key: keyed.keys.all })
    const cookie = (signIn.headers.get('set-cookie') ?? '').split(';')[0]
    expectFault(await from({ cookie }), 'csrf')
    expectFault(await from({ cookie, origin: 'https://evil.example' }), 'foreign_page')
    expectFault(await post({ text: 'x' }, '/predict', { origin: 'https://evil.example' }), 'foreign_page')
  })

  test('foreign_host: a page whose name was pointed at this machine', async () => {
    rawFault(
      await raw(['GET /predictions HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n']),
      'foreign_host',
    )
  })
})

describe('rubbish', () => {
  test('anything at all is answered with a fault or a prediction, never with a failure inside', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json(),
          fc.string({ unit: 'binary' }),
          fc.json().map((text) => `{"text":${text}}`),
        ),
        async (body) => {
          const answer = await server.call('POST', '/predict', Buffer.from(body).toString(), json)
          expect([200, 400, 413]).toContain(answer.status)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('any text is scored: lone surrogates, NULs, combining marks, 499 emoji', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }), async (text) => {
        expect([200, 400]).toContain((await post({ text: `${text}.` })).status)
      }),
      { numRuns: 150 },
    )
    for (const text of ['\\ud83d', '\\udc00\\ud83d', '\\u0000', '\\u0301'.repeat(500), '\\ud83d\\ude00'.repeat(499)])
      expect([text.slice(0, 12), (await server.call('POST', '/predict', `{"text":"a ${text}"}`, json)).status]).toEqual(
        [text.slice(0, 12), 200],
      )
  })

  test('100,000 levels of nesting cost nothing', async () => {
    const begun = performance.now()
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ]) {
      const depth = Math.floor(60_000 / (open.length + close.length))
      expectFault(
        await server.call('POST', '/predict', `${open.repeat(depth)}1${close.repeat(depth)}`, json),
        'bad_json',
      )
    }
    expect(performance.now() - begun).toBeLessThan(2000)
  })

  test('of a key that is there twice the last counts, as JSON.parse has it', async () => {
    const { body } = await server.call<PredictAnswer>('POST', '/predict', '{"text":"","text":"fine"}', json)
    expect(body.id).toBeDefined()
  })

  test('unknown methods, and a thousand headers', async () => {
    expect(await raw(['BREW /predict HTTP/1.1\r\nhost: localhost\r\n\r\n'])).toMatch(/^HTTP\/1\.1 400 /)
    expectFault(await server.call('PATCH', '/predict'), 'method_not_allowed')
    const many = Array.from({ length: 1000 }, (_, i) => `x-${i}: y\r\n`).join('')
    expect(await raw([`GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${many}\r\n`])).toMatch(
      /^HTTP\/1\.1 (200|431) /,
    )
  })
})

test('nothing was written for any of it that was not answered with a prediction', async () => {
  const page = await server.call<{ predictions: { id: string; text: string | null }[] }>(
    'GET',
    '/predictions?limit=1000',
  )
  for (const { text } of page.body.predictions) expect(text?.trim()).not.toBe('')
})

test('every code of the table was provoked, or has its reason not to be', () => {
  const missing = Object.keys(faults).filter((code) => !provoked.has(code) && !(code in notOverHttp))
  expect(missing).toEqual([])
})

async function countRows(): Promise<number> {
  const { body } = await server.call<{ total: { predictions: number } }>('GET', '/stats')
  return body.total.predictions
}
