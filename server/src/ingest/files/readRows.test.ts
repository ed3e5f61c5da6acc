import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../domain/faults.ts'
import { type ReadOptions, readDataset, readRows } from './readRows.ts'

let root: string
let files = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'datasets-test-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

async function file(ending: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, `data-${++files}.${ending}`)
  await writeFile(path, content)
  return path
}

async function read(ending: string, content: string | Uint8Array, options?: ReadOptions) {
  return readDataset(await file(ending, content), options)
}

/** Good CSV rows enough that one bad row is below 1 %. */
const padding = Array.from({ length: 120 }, (_, i) => `good ${i},yes\n`).join('')

const text = fc
  .array(fc.constantFrom('a', 'ü', '😀', ' ', ',', ';', '"', '\n', "'", '\\', 'word', '\u2028', '\u00a0', '{', '7'), {
    minLength: 1,
    maxLength: 30,
  })
  .map((parts) => parts.join(''))
  .filter((joined) => joined.trim() !== '' && !joined.includes('\r'))
const rows = fc.array(fc.record({ text, label: fc.constantFrom('good', 'bad', 'so, so', 'ünsure') }), {
  minLength: 1,
  maxLength: 20,
})

describe('what was written is what is read', () => {
  test.each(['csv', 'csv.gz', 'jsonl', 'jsonl.gz'])(
    '%s: any texts, with the lines on which they begin',
    async (ending) => {
      await fc.assert(
        fc.asyncProperty(rows, async (written) => {
          const csv = ending.startsWith('csv')
          const lines = written.map((row) =>
            csv ? `${quoted(row.text)},x,${quoted(row.label)}\n` : `${JSON.stringify(row)}\n`,
          )
          const content = Buffer.from((csv ? 'text,other,label\n' : '') + lines.join(''))
          const seen = await read(ending, ending.endsWith('gz') ? gzipSync(content) : content)
          expect(seen.rows.map(({ text, label }) => ({ text, label }))).toEqual(written)
          let line = csv ? 2 : 1
          for (const [i, row] of seen.rows.entries()) {
            expect(row.line).toBe(line)
            line += lines[i].split('\n').length - 1
          }
        }),
        { numRuns: 60 },
      )
    },
  )

  test('tsv: whole fields in quotes lose them, all others keep theirs', async () => {
    const seen = await read('tsv', 'text\tlabel\n"said ""hi"""\tgood\n"a" b\tbad\n"\tgood\nplain\t"bad"\n')
    expect(seen.rows.map((row) => [row.text, row.label])).toEqual([
      ['said "hi"', 'good'],
      ['"a" b', 'bad'],
      ['"', 'good'],
      ['plain', 'bad'],
    ])
  })

  test('csv with a byte-order mark, Windows line ends and semicolons', async () => {
    const seen = await read('csv', '\ufefftext;label\r\n"a;b";good\r\nc, d;bad\r\n')
    expect(seen.rows.map((row) => [row.text, row.label])).toEqual([
      ['a;b', 'good'],
      ['c, d', 'bad'],
    ])
  })

  test('csv without a header, by the number of the column', async () => {
    const seen = await read('csv', '1,first\n0,second\n', { header: false, columns: { text: '2', label: '1' } })
    expect(seen.rows.map((row) => [row.line, row.text, row.label])).toEqual([
      [1, 'first', '1'],
      [2, 'second', '0'],
    ])
  })

  test('parquet, as pandas writes it, with Snappy, gzip and Zstandard', async () => {
    for (const name of ['snappy', 'gzip', 'zstd']) {
      const seen = await readDataset(new URL(`../../../test/golden/reviews-${name}.parquet`, import.meta.url).pathname)
      expect(seen.report.bad).toBe(0)
      expect(seen.rows.slice(0, 2)).toEqual([
        { line: 1, text: 'good, “really” 0', label: 'pos' },
        { line: 2, text: 'schlecht für 😀 1', label: 'neg' },
      ])
      expect(seen.rows.length).toBe(300)
    }
  })

  test('labels may be numbers, booleans and text; they come back as text', async () => {
    const seen = await read('jsonl', '{"text":"a","label":1}\n{"text":"b","label":true}\n{"text":"c","label":" x "}\n')
    expect(seen.rows.map((row) => row.label)).toEqual(['1', 'true', 'x'])
  })

  test('the stream gives the same rows in batches, and reports the sha256 of the file as it lies on disk', async () => {
    const path = await file('csv.gz', gzipSync(`text,label\n${padding}`))
    const batches = readRows(path)
    const texts: string[] = []
    let next = await batches.next()
    for (; !next.done; next = await batches.next()) texts.push(...next.value.map((row) => row.text))
    expect(texts).toEqual((await readDataset(path)).rows.map((row) => row.text))
    expect(next.value.sha256).toBe(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    )
  })
})

describe('bad rows', () => {
  const cases: readonly (readonly [string, string, string | Buffer, RegExp])[] = [
    ['a row that is too wide', 'csv', `text,label\nx,y,z\n${padding}`, /^2: 3 fields, expected 2$/],
    ['an empty text', 'csv', `text,label\n  ,yes\n${padding}`, /^2: empty text$/],
    ['an empty label', 'csv', `text,label\nx,\n${padding}`, /^2: empty label$/],
    ['a broken quote', 'csv', `text,label\n"a,b"c,x,yes\n${padding}`, /^2: 3 fields, expected 2; .*quote/],
    [
      'a row that is not UTF-8, beside one with an honest U+FFFD',
      'csv',
      Buffer.concat([
        Buffer.from('text,label\n'),
        Buffer.from([0xff, 0x41]),
        Buffer.from(`,yes\n\ufffd,no\n${padding}`),
      ]),
      /^2: not valid UTF-8$/,
    ],
    ['a line that is not JSON', 'jsonl', `{"text":"a","label":1}\n{"text":\n${jsonPadding()}`, /^2: not valid JSON$/],
    [
      'a line that is not an object',
      'jsonl',
      `{"text":"a","label":1}\n[1]\n${jsonPadding()}`,
      /^2: not a JSON object$/,
    ],
    [
      'a text that is a number',
      'jsonl',
      `{"text":"a","label":1}\n{"text":7,"label":1}\n${jsonPadding()}`,
      /^2: the text is a number/,
    ],
    ['a missing key', 'jsonl', `{"text":"a","label":1}\n{"label":1}\n${jsonPadding()}`, /^2: empty text$/],
    [
      'a label that is an object',
      'jsonl',
      `{"text":"a","label":1}\n{"text":"b","label":{}}\n${jsonPadding()}`,
      /^2: the label is neither/,
    ],
    [
      'bytes that are not UTF-8',
      'jsonl',
      Buffer.concat([
        Buffer.from('{"text":"a","label":1}\n'),
        Buffer.from([0x7b, 0xc0, 0x0a]),
        Buffer.from(jsonPadding()),
      ]),
      /^2: not valid UTF-8$/,
    ],
    ['too few fields', 'tsv', `text\tlabel\nx\n${padding.replaceAll(',', '\t')}`, /^2: 1 field, expected 2$/],
  ]
  test.each(cases)('%s is named by line and left out', async (_, ending, content, say) => {
    // Where it is said that the data is UTF-8, a row that is not is a bad one; else it refuses the data (conformance.test.ts).
    const { report, rows } = await read(ending, content, { encoding: 'utf-8' })
    expect(report.bad).toBe(1)
    expect(`${report.badShown[0].line}: ${report.badShown[0].reason}`).toMatch(say)
    expect(rows.length).toBeGreaterThanOrEqual(120)
  })

  test('a text over the limit and a row over the limit in bytes are bad, and the next row is read', async () => {
    const long = await read('csv', `text,label\n${'x'.repeat(300)},yes\n${padding}`, { limits: { textLengthMax: 200 } })
    expect(long.report.badShown).toEqual([{ line: 2, reason: 'the text is longer than 200 characters' }])
    const line = await read(
      'jsonl',
      `${jsonPadding()}{"text":"${'x'.repeat(3000)}","label":1}\n{"text":"after","label":1}`,
      { limits: { rowBytesMax: 1000 } },
    )
    expect(line.report.badShown).toEqual([{ line: 121, reason: 'longer than 1000 bytes' }])
    expect(line.rows.at(-1)?.text).toBe('after')
  })

  test('below 1 % are reported, the first 20 by line; at 1 % the data is refused with the lines', async () => {
    const bad = ',no\n'.repeat(30)
    const { report } = await read('csv', `text,label\n${bad}${goodRows(2971)}`)
    expect([report.bad, report.badShown.length, report.rows]).toEqual([30, 20, 2971])
    await expectRefused(
      read('csv', `text,label\n${bad}${goodRows(2970)}`),
      /30 of 3000 are bad \(1\.0 %\)\.\n {2}line 2: empty text[^]*and 10 more/,
    )
  })

  test('a quote that is never closed is refused, not swallowed', async () => {
    await expectRefused(read('csv', `text,label\n"open,yes\n${padding}`), /quote/i)
    await expectRefused(
      read('csv', `text,label\n"open,yes\n${padding}`, { limits: { rowBytesMax: 500 } }),
      /bad|quote|record/i,
    )
  })

  test('nothing at all, a header alone, a missing file, a folder, a cut gzip, a false Parquet file: each a clear refusal', async () => {
    await expectRefused(read('csv', ''), /no usable row/)
    await expectRefused(read('csv', 'text,label\n'), /no usable row/)
    await expectRefused(readDataset(join(root, 'nowhere.csv')), /cannot be opened/)
    await expectRefused(readDataset(root), /is a folder|cannot be opened/)
    const packed = gzipSync(`text,label\n${padding.repeat(50)}`)
    await expectRefused(read('csv.gz', packed.subarray(0, packed.length / 2)), /cannot be unpacked/)
    await expectRefused(read('jsonl.gz', packed.subarray(0, packed.length / 2)), /cannot be unpacked/)
    await expectRefused(read('parquet', 'PAR1 no'), /Parquet/)
    await expectRefused(read('doc', 'hello'), /What kind of data/)
    await expectRefused(read('txt', 'hello'), /plain text, which has no labels/)
  })

  test('never throws anything but the fault, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('csv', 'tsv', 'jsonl', 'parquet', 'csv.gz'),
        fc.uint8Array({ maxLength: 200 }),
        async (ending, bytes) => {
          const error = await read(ending, bytes).then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
          if (error !== undefined) expect(error).toBeInstanceOf(Fault)
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe('limits', () => {
  test('more rows, or more labels, than the limit are refused', async () => {
    await expectRefused(read('csv', `text,label\n${padding}`, { limits: { rowsMax: 100 } }), /more than 100 rows/)
    const labels = Array.from({ length: 50 }, (_, i) => `text ${i},label ${i}\n`).join('')
    await expectRefused(
      read('csv', `text,label\n${labels}`, { limits: { labelsMax: 40 } }),
      /more than 40 different.*right column/,
    )
  })

  test('reading can be called off', async () => {
    const path = await file('csv', `text,label\n${padding.repeat(2000)}`)
    const stop = new AbortController()
    await expect(readDataset(path, { signal: stop.signal, onProgress: () => stop.abort() })).rejects.toThrow(/abort/i)
  })
})

describe('columns', () => {
  test('are chosen by name where there is no doubt, and the report says that they were', async () => {
    expect((await choose('id,Review,sentiment')).columns).toEqual({ text: 'Review', label: 'sentiment' })
    expect((await choose('id,label,rating,movie,text')).columns).toEqual({ text: 'text', label: 'label' })
    expect((await choose('whatever,label')).columns).toEqual({ text: 'whatever', label: 'label' })
    expect((await choose('text,mine')).columnsGuessed).toBe(true)
    expect((await choose('a,b', { text: 'a', label: 'b' })).columnsGuessed).toBe(false)
  })

  test('are asked for where there is doubt, by a fault that lists them', async () => {
    await expectRefused(choose('a,b'), /--text-column.*“a”, “b”/)
    await expectRefused(choose('text,rating,score'), /--label-column/)
    await expectRefused(choose('review,comment,label'), /--text-column/)
    await expectRefused(choose('text,label', { text: 'body' }), /no text column “body”/)
    await expectRefused(choose('text,label', { text: 'text', label: 'text' }), /cannot be both/)
  })
})

test('texts that occur again are counted, those with another label apart; case and spaces do not make a text new', async () => {
  const { report } = await read('csv', 'text,label\nGood day,a\ngood  DAY ,a\nGood day,b\nother,a\n')
  expect([report.duplicates, report.contradictions, [...report.labels]]).toEqual([
    2,
    1,
    [
      ['a', 3],
      ['b', 1],
    ],
  ])
})

function jsonPadding(): string {
  return Array.from({ length: 120 }, (_, i) => `{"text":"good ${i}","label":1}\n`).join('')
}

function quoted(field: string): string {
  return `"${field.replaceAll('"', '""')}"`
}

async function expectRefused(work: Promise<unknown>, say: RegExp): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(Fault)
  expect(error).toMatchObject({ code: 'data_broken', message: expect.stringMatching(say) })
}

function goodRows(count: number): string {
  return Array.from({ length: count }, (_, i) => `text ${i},yes\n`).join('')
}

/** The report on a CSV with this header and one row. */
async function choose(header: string, columns: ReadOptions['columns'] = {}) {
  const row = header
    .split(',')
    .map((_, i) => `value${i}`)
    .join(',')
  return (await read('csv', `${header}\n${row}\n`, { columns })).report
}
