import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { blocksOf } from './blocks.ts'
import type { Layout } from './layout.ts'
import { type FileRow, rowsOf } from './rows.ts'

const encode = (text: string) => new TextEncoder().encode(text)

const layout = (format: Layout['format'], columns: readonly string[] = []): Layout => ({
  format,
  delimiter: format === 'tsv' ? '\t' : ',',
  quotes: format === 'csv' ? 'doubled' : 'whole-field',
  columns,
  encoding: 'utf-8',
  rowBytesMax: 1_000_000,
})

const table = layout('csv', ['id', 'text'])

function read(text: string | Uint8Array<ArrayBuffer>, of: Layout, wanted = of.columns, firstLine = 1) {
  return rowsOf({ bytes: typeof text === 'string' ? encode(text) : text, firstLine }, of, wanted)
}

/** RFC 4180: quoted where it must be, else by chance. */
function csvOf(rows: readonly (readonly string[])[], newline: string, quoteAll: boolean): string {
  const field = (value: string) => (quoteAll || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)
  return rows.map((row) => row.map(field).join(',') + newline).join('')
}

/** Text of any kind, with much of what CSV trips over. */
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom('"', ',', '\n', '\r\n', '\r', '""', ' ', 'ä', '😀', 'word', '\\'),
      fc.string({ unit: 'grapheme' }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join('').toWellFormed())

const newlines = fc.constantFrom('\n', '\r\n', '\r')

/** A stream that comes in parts of any size, as a pipe may deliver it. */
async function* partsOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function inBlocks(bytes: Uint8Array, of: Layout, sizes: readonly number[], blockBytes: number) {
  const rows: FileRow[] = []
  let blank = 0
  for await (const block of blocksOf(partsOf(bytes, sizes), of, blockBytes)) {
    const some = rowsOf(block, of, of.columns)
    rows.push(...some.rows)
    blank += some.blank
  }
  return { rows, blank }
}

const lineEnds = (text: string) => text.match(/\r\n|\n|\r/g)?.length ?? 0

describe('CSV', () => {
  test('whatever RFC 4180 can write comes back, with the lines on which the rows begin', () => {
    // A row of nothing is blank, and has a test of its own.
    const rows = fc.array(
      fc.tuple(
        anyText,
        anyText.filter((text) => text !== ''),
      ),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(rows, newlines, fc.boolean(), (written, newline, quoteAll) => {
        const seen = read(csvOf(written, newline, quoteAll), table)
        expect(seen.rows.map(({ values }) => values)).toEqual(written)
        let line = 1
        for (const [i, row] of written.entries()) {
          expect(seen.rows[i].line).toBe(line)
          line += lineEnds(row.join(',')) + 1
        }
      }),
    )
  })

  test('csv-parse reads the same', () => {
    const rows = fc.array(
      fc.array(
        anyText.filter((text) => text !== ''),
        { minLength: 3, maxLength: 3 },
      ),
      { minLength: 1, maxLength: 12 },
    )
    fc.assert(
      fc.property(rows, fc.constantFrom('\n', '\r\n'), fc.boolean(), (written, newline, quoteAll) => {
        const text = csvOf(written, newline, quoteAll)
        const seen = read(text, layout('csv', ['a', 'b', 'c']))
        expect(seen.rows.map(({ values }) => values)).toEqual(parse(text, { record_delimiter: newline }))
      }),
    )
  })

  test('a row of another width is told, and the next one is read as usual', () => {
    const { rows } = read('1,fine\n2\n3,fine,too much\n4,fine\n', table, ['text'], 2)
    expect(rows.map(({ line, bad }) => [line, bad])).toEqual([
      [2, null],
      [3, '1 field, expected 2'],
      [4, '3 fields, expected 2'],
      [5, null],
    ])
  })

  test('a quote within a field stands for itself; one with text after it is taken as it is written', () => {
    const { rows } = read('1,5" disk\n2,"Great" they said\n3, "in spaces" \n', table, ['text'])
    expect(rows.map(({ values }) => values[0])).toEqual(['5" disk', '"Great" they said', 'in spaces'])
  })

  test('a stray quote takes no line away without a word: each that it swallows is refused for itself', () => {
    const closed = read('1,a\n2,"open\n3,b\n\n4,"c", d\n5,e\n', table, ['text'])
    expect(closed.rows.map(({ line, bad }) => [line, bad?.slice(0, 58) ?? null])).toEqual([
      [1, null],
      [2, 'a quote opens here and closes in line 5 before more text; '],
      [3, 'inside of the quote that opens in line 2 and closes in lin'],
      [5, 'inside of the quote that opens in line 2 and closes in lin'],
      [6, null],
    ])
    expect(closed.blank).toBe(1)
    const open = read('1,a\n2,"open\n3,b', table, ['text'])
    expect(open.rows.map(({ line, bad }) => [line, bad?.slice(0, 38) ?? null])).toEqual([
      [1, null],
      [2, 'a quote opens here and is never closed'],
      [3, 'inside of the quote that opens in line'],
    ])
  })

  test('a row of hundreds of lines is pointed out', () => {
    expect(read(`1,a\n2,"${'x\n'.repeat(300)}"\n3,b\n`, table).longest).toEqual({ line: 2, lines: 301 })
    expect(read(`1,a\n2,"${'x\n'.repeat(30)}"\n3,b\n`, table).longest).toBe(null)
  })
})

describe('other formats', () => {
  test('JSON lines: what is no object says why; a key may lie within another', () => {
    const { rows } = read('{"a":{"b":"x"},"id":7}\n[1]\n{\n{"id":1}\n{"a.b":"y"}\n{"a":[1]}\n', layout('jsonl'), [
      'a.b',
      'id',
    ])
    expect(rows.map(({ values, bad }) => bad ?? values)).toEqual([
      ['x', 7],
      'not a JSON object',
      'not valid JSON',
      [undefined, 1],
      ['y', undefined],
      [undefined, undefined],
    ])
  })

  test('JSON lines: names that every object inherits are no keys', () => {
    const { rows } = read('{"id":1}\n{"__proto__":"own","constructor":"own"}\n', layout('jsonl'), [
      '__proto__',
      'constructor',
    ])
    expect(rows.map(({ values }) => values)).toEqual([
      [undefined, undefined],
      ['own', 'own'],
    ])
  })

  test('bytes that are not UTF-8 refuse their row alone, and an honest U+FFFD is a character', () => {
    const bytes = Buffer.concat([encode('one\n'), Uint8Array.of(97, 0xff, 98, 10), encode('\ufffd\n')])
    const { rows, undecodable } = read(new Uint8Array(bytes), layout('txt', ['text']))
    expect(rows.map(({ values, bad }) => bad ?? values[0])).toEqual(['one', 'not valid UTF-8', '\ufffd'])
    expect(undecodable).toBe(2)
  })
})

test('cut into blocks of any size, out of parts of any size, the rows are those of the whole', async () => {
  const inputs = fc.oneof(
    fc
      .tuple(fc.array(fc.tuple(anyText, anyText), { maxLength: 20 }), newlines, fc.boolean())
      .map(([rows, newline, quoteAll]) => [table, csvOf(rows, newline, quoteAll)] as const),
    // Hostile: quotes wherever they fall.
    fc.array(anyText, { maxLength: 30 }).map((parts) => [table, parts.join('')] as const),
    fc
      .array(anyText, { maxLength: 30 })
      .map((parts) => [{ ...table, quotes: 'backslash' as const }, parts.join('')] as const),
    fc.array(anyText, { maxLength: 20 }).map((lines) => [layout('txt', ['text']), lines.join('\n')] as const),
    fc.array(anyText, { maxLength: 20 }).map((lines) => [layout('tsv', ['a', 'b']), lines.join('\t')] as const),
  )
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(inputs, fc.integer({ min: 1, max: 60 }), sizes, async ([of, text], blockBytes, parts) => {
      const whole = read(text, of)
      expect(await inBlocks(encode(text), of, parts, blockBytes)).toEqual({ rows: whole.rows, blank: whole.blank })
    }),
    { numRuns: 300 },
  )
})

test('nothing is lost: every line belongs to a row, is refused, or is blank', () => {
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 30 }), (parts) => {
      const text = parts.join('')
      const { rows, blank } = read(text, layout('txt', ['text']))
      const lines = text.split(/\r\n|\n|\r/)
      if (lines.at(-1) === '') lines.pop()
      expect(rows.length + blank).toBe(lines.length)
      expect(rows.map(({ values }) => values[0])).toEqual(lines.filter((line) => line.trim() !== ''))
    }),
  )
})

describe('a row without end', () => {
  async function* endless(text: string, parts = Infinity): AsyncGenerator<Uint8Array> {
    yield encode(text)
    for (let i = 0; i < parts; i++) yield encode('x'.repeat(1000))
    yield encode('\nafter,1\n')
  }
  const small: Layout = { ...table, rowBytesMax: 50_000 }

  test('in a quote is refused at the limit, by the line where the quote opened', async () => {
    const all = async () => {
      for await (const block of blocksOf(endless('id,text\n1,"open'), small, 1)) expect(block.firstLine).toBe(1)
    }
    await expect(all()).rejects.toThrow('A quote opens in line 2 and is still open 50000 bytes later.')
  })

  test.each(['csv', 'tsv', 'jsonl', 'txt'] as const)(
    'of %s is left out in constant memory, and the next one is read',
    async (format) => {
      const of = { ...layout(format, ['id', 'text']), rowBytesMax: 50_000 }
      const seen = []
      for await (const block of blocksOf(endless('first\nlong', 3000), of, 1)) {
        expect(block.bytes.length).toBeLessThan(60_000)
        seen.push(
          ...rowsOf(block, of, ['text']).rows.map(({ line, bad }) => [line, bad?.startsWith('longer') ?? false]),
        )
      }
      expect(seen.map(([line]) => line)).toEqual([1, 2, 3])
      expect(seen[1][1]).toBe(true)
    },
  )
})
