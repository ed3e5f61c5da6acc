import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chunksOf } from './chunks.ts'
import type { InputFormat } from './plan.ts'
import { type BatchRow, headerOf, recordsOf } from './records.ts'

const encode = (text: string) => new TextEncoder().encode(text)

/** RFC 4180: quoted where it must be, else by chance. */
function csvOf(table: readonly (readonly string[])[], newline: string, quoteAll: boolean): string {
  const field = (value: string) => (quoteAll || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)
  return table.map((row) => row.map(field).join(',') + newline).join('')
}

const plan = (input: InputFormat, columns: readonly string[] = []) => ({
  input,
  delimiter: input === 'tsv' ? '\t' : ',',
  columns,
  text: 'text',
  keep: columns.filter((name) => name !== 'text'),
})

/** Text of any kind, with much of what CSV trips over. */
const anyText = fc
  .array(
    fc.oneof(fc.constantFrom('"', ',', '\n', '\r\n', '""', ' ', 'ä', '😀', 'word'), fc.string({ unit: 'grapheme' })),
    { maxLength: 8 },
  )
  .map((parts) => parts.join('').toWellFormed())

/** A stream that comes in parts of any size, as a pipe may deliver it. */
async function* partsOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]
    yield bytes.subarray(at, at + size)
    at += size
  }
}

describe('CSV', () => {
  test('whatever RFC 4180 can write comes back, with the lines on which the records begin', () => {
    const table = fc.array(fc.tuple(anyText, anyText), { maxLength: 12 })
    fc.assert(
      fc.property(table, fc.constantFrom('\n', '\r\n'), fc.boolean(), (rows, newline, quoteAll) => {
        const seen = recordsOf(encode(csvOf(rows, newline, quoteAll)), 1, plan('csv', ['id', 'text']))
        // A trailing \r of an unquoted field cannot be told from the line's end, so it is quoted above and survives.
        expect(seen.map((row) => [row.kept[0], row.text])).toEqual(rows)
        let line = 1
        for (const [i, row] of rows.entries()) {
          expect(seen[i].line).toBe(line)
          line += row.join('').split('\n').length
        }
      }),
    )
  })

  test('a row of another width is reported, and the next one is read as usual', () => {
    const rows = recordsOf(encode('1,fine\n2\n3,fine,too much\n4,fine\n'), 2, plan('csv', ['id', 'text']))
    expect(rows.map(({ line, bad }) => [line, bad])).toEqual([
      [2, null],
      [3, '1 fields, expected 2'],
      [4, '3 fields, expected 2'],
      [5, null],
    ])
  })

  test('a quote inside of an unquoted field stands for itself, and text after a closing quote belongs to the field', () => {
    const rows = recordsOf(encode('1,5" disk\n2,"a"b\n'), 1, plan('csv', ['id', 'text']))
    expect(rows.map((row) => row.text)).toEqual(['5" disk', 'ab'])
  })

  test('empty lines are no rows; the last line needs no end', () => {
    const rows = recordsOf(encode('1,a\n\n\r\n2,b'), 1, plan('csv', ['id', 'text']))
    expect(rows.map(({ line, text }) => [line, text])).toEqual([
      [1, 'a'],
      [4, 'b'],
    ])
  })

  test('the header is the first record, even over several lines', () => {
    const header = 'id,"the\ntext"\r\n'
    expect(headerOf(encode(`${header}1,x\n`), 'csv', ',')).toEqual({
      columns: ['id', 'the\ntext'],
      bytes: header.length,
      lines: 2,
    })
  })
})

describe('other formats', () => {
  test('plain text: every line that is not blank', () => {
    const rows = recordsOf(encode('one\r\n\n  \ntwo'), 1, plan('txt'))
    expect(rows.map(({ line, text }) => [line, text])).toEqual([
      [1, 'one'],
      [4, 'two'],
    ])
  })

  test('JSONL: what is no object with such a text says why', () => {
    const rows = recordsOf(encode('{"text":"a","id":7}\n[1]\n{"text":5}\n{\n{"id":1}\n'), 1, {
      ...plan('jsonl'),
      keep: ['id'],
    })
    expect(rows.map((row) => row.text ?? row.bad)).toEqual([
      'a',
      'not a JSON object',
      '“text” is not a string',
      'not valid JSON',
      'no “text”',
    ])
    expect(rows.map((row) => row.kept[0])).toEqual([7, '', '', '', 1])
  })

  test('TSV: whole fields may be in quotes, as pandas writes them', () => {
    const rows = recordsOf(encode('1\t"say ""hi"""\n2\ta "b" c\n'), 1, plan('tsv', ['id', 'text']))
    expect(rows.map((row) => row.text)).toEqual(['say "hi"', 'a "b" c'])
  })

  test('bytes that are not UTF-8 become U+FFFD', () => {
    expect(recordsOf(Uint8Array.of(97, 0xff, 98), 1, plan('txt'))[0].text).toBe('a\ufffdb')
  })
})

test('cut into chunks of any size, out of parts of any size, the rows are those of the whole', async () => {
  const inputs = fc.oneof(
    fc
      .array(fc.tuple(anyText, anyText), { maxLength: 20 })
      .map((rows) => ['csv' as const, csvOf(rows, '\n', false)] as const),
    fc.array(anyText, { maxLength: 20 }).map((lines) => ['txt' as const, lines.join('\n')] as const),
  )
  await fc.assert(
    fc.asyncProperty(
      inputs,
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
      async ([format, text], chunkBytes, sizes) => {
        const of = plan(format, format === 'csv' ? ['id', 'text'] : [])
        const rows: BatchRow[] = []
        const limits = { chunkBytes, recordBytesMax: 1_000_000 }
        for await (const chunk of chunksOf(partsOf(encode(text), sizes), format, ',', 1, limits))
          rows.push(...recordsOf(chunk.bytes, chunk.firstLine, of))
        expect(rows).toEqual(recordsOf(encode(text), 1, of))
      },
    ),
  )
})

test('a record without end is refused at its limit, not read into memory', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield encode('id,text\n1,"open')
    for (;;) yield encode('x'.repeat(1000))
  }
  const read = async () => {
    for await (const chunk of chunksOf(endless(), 'csv', ',', 1, { chunkBytes: 1, recordBytesMax: 50_000 }))
      expect(chunk.firstLine).toBe(1)
  }
  await expect(read()).rejects.toThrow('The record at line 2 is longer than 50000 bytes. Is a quote left open?')
})
