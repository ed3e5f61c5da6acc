import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnswerReader, Malformed } from './answers.ts'

interface Sent {
  readonly status: number
  readonly body: string
  readonly chunks: number
}

const sent: fc.Arbitrary<Sent> = fc.record({
  status: fc.constantFrom(200, 201, 204, 400, 429, 503),
  body: fc.string({ maxLength: 200, unit: 'grapheme' }),
  chunks: fc.integer({ min: 0, max: 4 }),
})

/** An answer as a server writes it: chunks of nearly equal length, or one body when `chunks` is 0. */
function written({ status, body, chunks }: Sent): Buffer {
  const head = `HTTP/1.1 ${status} Word\r\nDate: now\r\n`
  if (status === 204) return Buffer.from(`${head}\r\n`)
  const bytes = Buffer.from(body)
  if (chunks === 0)
    return Buffer.concat([Buffer.from(`${head}Content-Length: ${bytes.length}\r\nX: chunked\r\n\r\n`), bytes])
  const size = Math.max(1, Math.ceil(bytes.length / chunks))
  const parts = [Buffer.from(`${head}transfer-encoding: chunked\r\n\r\n`)]
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size)
    parts.push(Buffer.from(`${part.length.toString(16)};note=1\r\n`), part, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\ntrailer: yes\r\n\r\n')])
}

test('answers are read the same however the network cuts them up', () => {
  fc.assert(
    fc.property(fc.array(sent, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 50 })), (answers, cuts) => {
      const bytes = Buffer.concat(answers.map(written))
      const reader = new AnswerReader()
      const seen: { status: number; body: string }[] = []
      let total = 0
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const length = cuts[i] ?? bytes.length
        for (const answer of reader.read(bytes.subarray(at, at + length))) {
          seen.push({ status: answer.status, body: answer.body() })
          total += answer.bytes
        }
        at += length
      }
      expect(seen).toEqual(answers.map(({ status, body }) => ({ status, body: status === 204 ? '' : body })))
      expect(total).toBe(bytes.length)
    }),
  )
})

test('an interim answer is not the answer', () => {
  const [answer, ...more] = new AnswerReader().read(
    Buffer.from('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  )
  expect([answer.status, answer.body(), more.length]).toEqual([200, 'ok', 0])
})

test('an answer without a length lasts until the connection ends', () => {
  const reader = new AnswerReader()
  expect(reader.read(Buffer.from('HTTP/1.1 200 OK\r\n\r\nall '))).toEqual([])
  expect(reader.read(Buffer.from('of it'))).toEqual([])
  const [answer] = reader.end()
  expect([answer.body(), answer.last]).toEqual(['all of it', true])
})

test('an answer that was cut short is none', () => {
  const reader = new AnswerReader()
  reader.read(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'))
  expect(reader.end()).toEqual([])
})

test.each([
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['an endless head', `HTTP/1.1 200 OK\r\n${'x'.repeat(70_000)}`],
  ['a chunk without a size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
])('%s is refused', (_what, bytes) => {
  expect(() => new AnswerReader().read(Buffer.from(bytes))).toThrow(Malformed)
})
