/** What the log does not keep of a text is nowhere: not in an answer, not in the live stream, not on the disk. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { FeedbackAnswer, LoggedPrediction, PredictAnswer, PredictionsPage } from '@barometer/wire'
import { afterEach, describe, expect, test } from 'vitest'
import type { KeepText } from '../../src/domain/redaction/redaction.ts'
import { type Served, serve } from '../serve.ts'

const text = 'Lovely support: ann.lee@mail.example rang me on +49 30 901820, card 4111 1111 1111 1111, from 192.0.2.77'
const redacted = 'Lovely support: [email] rang me on [phone], card [card], from [ip]'
// Longer than any run of digits that a figure in a manifest may have by chance.
const personal = ['ann.lee', '30 901820', '4111 1111', '192.0.2.77']

let server: Served
afterEach(() => server.end())

/** Every byte under the folder of the state, as text. */
function onDisk(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && !path.includes('/models/'))
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n')
}

/** The first prediction that the live stream shows. */
async function firstLive(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let read = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    read += decoder.decode(chunk, { stream: true })
    if (read.includes('event: prediction') && read.endsWith('\n\n')) break
  }
  return read
}

async function predicted(keepText: KeepText) {
  server = await serve({ keepText, logLevel: 'silent' })
  const { body: stream } = await fetch(`${server.address}/events`)
  if (stream === null) throw new Error('The live stream has no body.')
  const live = firstLive(stream)
  const { body } = await server.call<PredictAnswer>('POST', '/predict', { text })
  const logged = await server.call<LoggedPrediction>('GET', `/predictions/${body.id}`)
  const exported = await server.call<string>('GET', '/predictions?format=csv')
  const found = (words: string) =>
    server
      .call<PredictionsPage>('GET', `/predictions?q=${encodeURIComponent(words)}`)
      .then((page) => page.body.predictions.length)
  return { logged: logged.body, seen: `${await live}${exported.body}`, found }
}

describe('KEEP_TEXT', () => {
  test('full keeps it', async () => {
    const { logged, seen, found } = await predicted('full')
    expect(logged.text).toBe(text)
    for (const word of personal) expect(seen).toContain(word)
    expect(await found('lovely')).toBe(1)
  })

  test('redacted keeps the rest of it', async () => {
    const { logged, seen, found } = await predicted('redacted')
    expect(logged.text).toBe(redacted)
    expect(logged.chars).toBe(text.length)
    expect(await found('lovely')).toBe(1)
    for (const word of ['901820', '4111', 'ann']) expect(await found(word)).toBe(0)
    await server.stop()
    const disk = onDisk(server.config.home)
    expect(disk).toContain('[email] rang me')
    for (const word of personal) {
      expect(seen).not.toContain(word)
      expect(disk).not.toContain(word)
    }
  })

  test('hash keeps nothing of it', async () => {
    const { logged, seen, found } = await predicted('hash')
    expect(logged.text).toBeNull()
    expect(await found('lovely')).toBe(0)
    await server.stop()
    const disk = onDisk(server.config.home)
    for (const word of [...personal, 'Lovely', 'rang']) {
      expect(seen).not.toContain(word)
      expect(disk).not.toContain(word)
    }
  })
})

describe('what stands beside a text: its id, its source, and the comment of its feedback', () => {
  const id = 'ticket-of-ann.lee@mail.example'
  const uuid = '019aa3c4-5d6e-7f80-9123-456789abcdef'
  const source = '192.0.2.77'
  const comment = 'Ann (ann.lee@mail.example) says so'
  const [parts, hidden] = [
    ['ann.lee', '192.0.2.77'],
    ['says so', uuid],
  ]

  /** Everything that callers send and everything that they read of it, as one text. */
  async function seenWith(keepText: KeepText): Promise<string> {
    server = await serve({ keepText, logLevel: 'debug' })
    const { body: stream } = await fetch(`${server.address}/events`)
    if (stream === null) throw new Error('The live stream has no body.')
    const live = firstLive(stream)
    const first = await server.call<PredictAnswer>('POST', '/predict', { text: 'fine', id, source })
    await server.call('POST', '/predict', { text: 'good', id: uuid, source })

    // The caller's id is still the caller's id: it is not answered twice, found again, and takes feedback.
    const again = await server.call<PredictAnswer>('POST', '/predict', { text: 'fine', id, source })
    expect(again.body).toMatchObject({ id: first.body.id, repeated: true })
    expect((await server.call('POST', '/predict', { text: 'other', id, source })).status).toBe(409)
    const items = [first.body.id, id, uuid, 'unknown'].map((prediction_id) => ({
      prediction_id,
      label: 'positive',
      comment,
    }))
    const told = await server.call<FeedbackAnswer>('POST', '/feedback', { items })
    expect(told.body.results.map((one) => ('error' in one ? one.error.code : one.status))).toEqual([
      'new',
      'repeated',
      'new',
      'prediction_unknown',
    ])
    const found = await server.call<LoggedPrediction>('GET', `/predictions/${encodeURIComponent(id)}`)
    expect(found.body.id).toBe(first.body.id)
    const shown = await server.call<LoggedPrediction>('GET', `/predictions/${found.body.caller_id}`)
    expect(shown.body.id).toBe(first.body.id)
    // A source still groups, by the name that was sent and by the one that is shown.
    for (const name of [source, found.body.source ?? '']) {
      const page = await server.call<PredictionsPage>('GET', `/predictions?source=${name}`)
      expect(page.body.predictions).toHaveLength(2)
    }
    const exported = await server.call<string>('GET', '/predictions?format=ndjson')
    return `${await live}${exported.body}${JSON.stringify([found.body, shown.body])}`
  }

  test('full keeps it all', async () => {
    const seen = await seenWith('full')
    for (const part of [...parts, uuid]) expect(seen).toContain(part)
  })

  test('redacted keeps what is not personal', async () => {
    const seen = await seenWith('redacted')
    await server.stop()
    const disk = onDisk(server.config.home)
    expect(disk).toContain('Ann ([email]) says so')
    expect(disk).toContain(uuid)
    for (const part of parts) expect(`${seen}${disk}`).not.toContain(part)
  })

  test('hash keeps none of it', async () => {
    const seen = await seenWith('hash')
    await server.stop()
    for (const part of [...parts, ...hidden]) expect(`${seen}${onDisk(server.config.home)}`).not.toContain(part)
  })

  test('rows from before the setting was changed are still found', async () => {
    server = await serve({ keepText: 'full' })
    const { body } = await server.call<PredictAnswer>('POST', '/predict', { text: 'fine', id: 'order-7', source })
    await server.stop()
    server = await serve({ keepText: 'hash' }, server.config.home)
    expect((await server.call<LoggedPrediction>('GET', '/predictions/order-7')).body.id).toBe(body.id)
    const told = await server.call('POST', '/feedback', { prediction_id: 'order-7', label: 'negative' })
    expect(told.body).toMatchObject({ results: [{ prediction_id: body.id, status: 'new' }] })
  })
})
