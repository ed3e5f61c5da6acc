/** Files that are made to do harm: each ends in a clear fault or in refused rows, in bounded memory and time. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../domain/faults.ts'
import { FORMATS, type Format } from './layout.ts'
import { unpackHadoopLz4, unpackLz4 } from './lz4.ts'
import { openFile } from './openFile.ts'
import { readDataset } from './readRows.ts'
import { rowsOf } from './rows.ts'
import { findSource, streamSource } from './source.ts'

let folder: string
let files = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'barometer-hostile-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function written(ending: string, bytes: string | Uint8Array): string {
  const path = join(folder, `${++files}.${ending}`)
  writeFileSync(path, bytes)
  return path
}

const encode = (text: string) => new TextEncoder().encode(text)

/** So many megabytes of one part, which nothing holds at once. */
async function* megabytes(count: number, part: string, before = '', after = ''): AsyncGenerator<Uint8Array> {
  const one = encode(part.repeat(Math.ceil(2 ** 20 / part.length)))
  if (before !== '') yield encode(before)
  for (let i = 0; i < count; i++) yield one
  if (after !== '') yield encode(after)
}

/** What is read of a stream: rows and refusals, and by how much resident memory had grown at most. */
async function readAll(bytes: AsyncIterable<Uint8Array>, format: Format) {
  const before = process.memoryUsage.rss()
  const file = await openFile({ ...streamSource(bytes), path: 'stream' }, { format })
  const seen = { rows: 0, bad: 0, reasons: new Set<string>(), grownBytes: 0, last: '' }
  for await (const block of file.blocks(['text'])) {
    for (const { values, bad } of rowsOf(block, file.layout, ['text']).rows) {
      if (bad === null) {
        seen.rows++
        seen.last = String(values[0])
      } else {
        seen.bad++
        seen.reasons.add(bad)
      }
    }
    seen.grownBytes = Math.max(seen.grownBytes, process.memoryUsage.rss() - before)
  }
  return seen
}

const MEMORY_MAX = 200e6

describe('floods', () => {
  test.each(['csv', 'tsv', 'jsonl', 'txt'] as const)(
    'one line of 300 MB in %s is refused, and the next one is read',
    async (format) => {
      const head = format === 'csv' || format === 'tsv' ? 'text\n' : ''
      const last = format === 'jsonl' ? '\n{"text":"last"}\n' : '\nlast\n'
      const seen = await readAll(megabytes(300, 'x', head, last), format)
      expect(seen).toMatchObject({
        rows: 1,
        bad: 1,
        last: 'last',
        reasons: new Set([`longer than ${16 * 2 ** 20} bytes`]),
      })
      expect(seen.grownBytes).toBeLessThan(MEMORY_MAX)
    },
  )

  test('a gzip of 400 MB of spaces is unpacked in constant memory, and is one refused line', async () => {
    const seen = await readAll(packed(megabytes(400, ' ', 'text\n')), 'txt')
    expect(seen).toMatchObject({ rows: 1, bad: 1 })
    expect(seen.grownBytes).toBeLessThan(MEMORY_MAX)
  })

  test('a gzip of zeros is no text', async () => {
    await expect(readAll(packed(megabytes(200, '\0')), 'csv')).rejects.toThrow('full of NUL bytes')
  })

  test('ten million columns are refused by the header, and as a row', async () => {
    await expect(readAll(megabytes(20, 'a,', '', '\n'), 'csv')).rejects.toThrow('more than 10000 columns')
    const seen = await readAll(megabytes(15, 'a,', 'text,b\n', '\nlast,x\n'), 'csv')
    expect(seen).toMatchObject({ rows: 1, bad: 1, last: 'last' })
    expect([...seen.reasons][0]).toMatch(/^78643\d\d fields, expected 2$/)
  })

  test('a quote that stays open ends the reading at the limit', async () => {
    await expect(readAll(megabytes(100, 'x\n', 'text,b\n"'), 'csv')).rejects.toThrow(
      'A quote opens in line 2 and is still open',
    )
  })

  test('an object a hundred thousand levels deep is a refused row', async () => {
    const deep = `{"text":${'['.repeat(1e5)}${']'.repeat(1e5)}}\n{"text":"last"}\n`
    const { rows } = await readDataset(written('jsonl', deep), { unlabelled: true, limits: { badShareMax: 1 } })
    expect(rows.map(({ text }) => text)).toEqual(['last'])
  })
})

async function* packed(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* Readable.from(bytes, { objectMode: false }).pipe(createGzip({ level: 1 }))
}

describe('Parquet that lies', () => {
  const golden = readFileSync(new URL('../../../test/golden/reviews-lz4.parquet', import.meta.url))
  const whole = readFileSync(new URL('../../../test/golden/labels-huggingface.parquet', import.meta.url))

  const read = async (bytes: Uint8Array) =>
    readDataset(written('parquet', bytes), { columns: { text: 'text', label: 'label' }, limits: { badShareMax: 1.1 } })

  test('any byte changed to anything is read or refused, never a crash, a flood or a hang', async () => {
    const before = process.memoryUsage.rss()
    const began = performance.now()
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(golden, whole),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.boolean(),
        async (bytes, changes, inMetadata) => {
          const changed = Uint8Array.from(bytes)
          // The last fifth is the table of contents, where the counts are.
          for (const [where, value] of changes)
            changed[Math.min(bytes.length - 1, Math.floor((inMetadata ? 0.8 + where / 5 : where) * bytes.length))] =
              value
          const error = await read(changed).then(
            () => null,
            (thrown: unknown) => thrown,
          )
          if (error !== null) expect(error).toBeInstanceOf(Fault)
        },
      ),
      { numRuns: 400, interruptAfterTimeLimit: 8000 },
    )
    expect(performance.now() - began).toBeLessThan(30_000)
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 * MEMORY_MAX)
  })

  test.each([
    ['a page of two billion values', 'ffffffff0f'],
    ['a page of minus one value', '01'],
  ])('%s is refused before anything is made for it', async (_, varint) => {
    // A data page's header: type 0, sizes 16 and 16, then its own: so many values, PLAIN, RLE, RLE.
    const header = Buffer.from(`150015201520 2c15${varint}150015061506 0000`.replaceAll(' ', ''), 'hex')
    const bytes = Uint8Array.from(whole)
    // The first page begins after the magic number.
    bytes.set(header, 4)
    await expect(read(bytes)).rejects.toThrow(/The Parquet file cannot be read: a page/)
  })
})

describe('LZ4', () => {
  test('whatever the bytes, it gives what was promised or an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 0, max: 500 }), (bytes, bytesOut) => {
        for (const unpack of [unpackLz4, unpackHadoopLz4]) {
          try {
            expect(unpack(bytes, bytesOut).length).toBe(bytesOut)
          } catch (error) {
            expect(String(error)).toMatch(/LZ4 is broken/)
          }
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('literals, lengths beyond four bits, and matches that overlap', () => {
    // “ab”, then a match of 4 + 15 + 6 from two bytes back, then “!”.
    expect(Buffer.from(unpackLz4(Uint8Array.of(0x2f, 97, 98, 2, 0, 6, 0x10, 33), 28)).toString()).toBe(
      `${'ab'.repeat(13)}a!`,
    )
    const hadoop = Uint8Array.of(0, 0, 0, 28, 0, 0, 0, 8, 0x2f, 97, 98, 2, 0, 6, 0x10, 33)
    expect(Buffer.from(unpackHadoopLz4(hadoop, 28)).toString()).toBe(`${'ab'.repeat(13)}a!`)
  })
})

test('whatever the bytes, a file is read or refused with a fault', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .array(fc.constantFrom('text', ',', '"', '\n', '\r', '\0', '\ufeff', 'sep=;', '{"text":', '}', '\\', '\t', 'é'), {
        maxLength: 40,
      })
      .map((parts) => encode(parts.join(''))),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...FORMATS),
      fc.constantFrom(undefined, 'utf-16le', 'shift_jis', 'utf-32be'),
      bytes,
      async (format, encoding, content) => {
        const path = written('bin', content)
        const error = await readDataset(path, { format, encoding, unlabelled: true, columns: {} }).then(
          () => null,
          (thrown: unknown) => thrown,
        )
        if (error !== null) expect(error).toBeInstanceOf(Fault)
        expect((await findSource(path)).bytesTotal).toBe(content.length)
      },
    ),
    { numRuns: 400, interruptAfterTimeLimit: 8000 },
  )
})
