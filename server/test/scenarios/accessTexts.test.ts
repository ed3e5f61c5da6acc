/** What the log does not keep of a text is nowhere: not in an answer, not in the live stream, not on the disk. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { LoggedPrediction, PredictAnswer, PredictionsPage } from '@barometer/wire'
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
