/**
 * What every reader of files must make of what people have: one table, read by each of them. A row of a file is read,
 * refused with its line and a reason, or counted as blank; and all readers agree on which.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBatch } from '../../serving/batch/openBatch.ts'
import { recordsOf } from '../../serving/batch/records.ts'
import { readTexts } from '../../training/data/readTexts.ts'
import type { Job, ReadBody } from '../../training/jobs/messages.ts'
import { encodingName } from './encoding.ts'
import { likelyEncoding } from './likelyEncoding.ts'
import { type ReadOptions, readDataset } from './readRows.ts'

let folder: string
let files = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'barometer-conformance-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

type Wish = Pick<ReadOptions, 'columns' | 'encoding' | 'format' | 'header'>

interface Case {
  readonly name: string
  readonly bytes: string | Uint8Array
  readonly wish?: Wish
  /** Line, text and label of each row that is read. */
  readonly rows?: readonly (readonly [line: number, text: string, label: string])[]
  readonly blank?: number
  /** Of each row that is refused. */
  readonly bad?: readonly (readonly [line: number, reason: RegExp])[]
  /** The whole file is refused. */
  readonly refused?: RegExp
}

const good = [
  [2, 'good café', 'pos'],
  [3, 'bad “day”', 'neg'],
] as const
const later = good.map(([line, text, label]) => [line + 1, text, label] as const)

const csv = 'text,label\ngood café,pos\nbad “day”,neg\n'
const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')
const utf16be = (text: string) => Buffer.from(utf16(text)).swap16()
const utf32 = (text: string) => Buffer.concat(Array.from(`\ufeff${text}`, (one) => word(one.codePointAt(0) ?? 0)))
const word = (value: number) => Buffer.from(Uint32Array.of(value).buffer)
const bytes = (...parts: readonly (string | number)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))))
const golden = (name: string) => readFileSync(new URL(`../../../test/golden/${name}`, import.meta.url))

/** “cleaning was bad / good” in Shift JIS and in GB 18030. */
const shiftJis = [
  Buffer.from('text,label\n'),
  Buffer.from('959489ae82cd8dc588ab82c582b582bd', 'hex'),
  Buffer.from(',neg\n'),
  Buffer.from('959489ae82cd8dc58d8282c582b582bd', 'hex'),
  Buffer.from(',pos\n'),
]
const gb18030 = [
  Buffer.from('text,label\n'),
  Buffer.from('b7bfbce4bac3d4e3b8e2a3acb7fecef1d2b2b2bbbac3', 'hex'),
  Buffer.from(',neg\n'),
]

const cases: Record<string, readonly Case[]> = {
  encodings: [
    { name: 'utf8.csv', bytes: csv, rows: good },
    { name: 'utf8-mark.csv', bytes: `\ufeff${csv}`, rows: good },
    { name: 'utf16le.csv', bytes: utf16(csv), rows: good },
    { name: 'utf16be.csv', bytes: utf16be(csv), rows: good },
    { name: 'utf32le.csv', bytes: utf32(csv), rows: good },
    { name: 'excel.tsv', bytes: utf16(csv.replaceAll(',', '\t')), rows: good },
    { name: 'excel.txt', bytes: utf16(csv.replaceAll(',', '\t')), rows: good },
    { name: 'utf16.jsonl', bytes: utf16('{"text":"a 😀","label":1}\n'), rows: [[1, 'a 😀', '1']] },
    {
      name: 'no-mark.csv',
      bytes: Buffer.from(csv, 'utf16le'),
      refused: /UTF-16 without a byte order mark: say --encoding utf-16le/,
    },
    { name: 'no-mark-be.csv', bytes: Buffer.from(csv, 'utf16le').swap16(), refused: /say --encoding utf-16be/ },
    { name: 'no-mark-said.csv', bytes: Buffer.from(csv, 'utf16le'), wish: { encoding: 'utf-16le' }, rows: good },
    {
      name: 'half.csv',
      bytes: bytes(...utf16('text,label\na'), 0x00, 0xd8, ...utf16(',x\nb,y\n').subarray(2)),
      rows: [[3, 'b', 'y']],
      bad: [[2, /not valid UTF-16LE/]],
    },
    {
      name: 'cp1252.csv',
      bytes: bytes('text,label\ngood caf', 0xe9, ',pos\n'),
      refused: /Line 2 is not valid UTF-8. It looks like windows-1252: say --encoding windows-1252/,
    },
    {
      name: 'late.csv',
      bytes: bytes(`text,label\n${'fine,pos\n'.repeat(200)}caf`, 0xe9, ' was lovely,pos\n'),
      refused: /Line 202 is not valid UTF-8. It looks like windows-1252/,
    },
    {
      name: 'cp1252-said.csv',
      bytes: bytes('text,label\ngood caf', 0xe9, ',pos\nbad ', 0x93, 'day', 0x94, ',neg\n'),
      wish: { encoding: 'latin1' },
      rows: good,
    },
    {
      name: 'mac.csv',
      bytes: bytes('text,label\ngood caf', 0x8e, ',pos\nbad ', 0xd2, 'day', 0xd3, ',neg\n'),
      refused: /looks like macintosh/,
    },
    {
      name: 'mac-said.csv',
      bytes: bytes('text,label\ngood caf', 0x8e, ',pos\nbad ', 0xd2, 'day', 0xd3, ',neg\n'),
      wish: { encoding: 'macroman' },
      rows: good,
    },
    { name: 'shift-jis.csv', bytes: Buffer.concat(shiftJis), refused: /looks like shift_jis/ },
    {
      name: 'shift-jis-said.csv',
      bytes: Buffer.concat(shiftJis),
      wish: { encoding: 'cp932' },
      rows: [
        [2, '部屋は最悪でした', 'neg'],
        [3, '部屋は最高でした', 'pos'],
      ],
    },
    { name: 'gb.csv', bytes: Buffer.concat(gb18030), refused: /looks like gb18030/ },
    {
      name: 'utf8-said.csv',
      bytes: bytes('text,label\ncaf', 0xe9, ',pos\n\ufffd,neg\n'),
      wish: { encoding: 'utf-8' },
      rows: [[3, '\ufffd', 'neg']],
      bad: [[2, /not valid UTF-8/]],
    },
    { name: 'nul.csv', bytes: 'text,label\nwith \0 one,pos\n', rows: [[2, 'with \0 one', 'pos']] },
    { name: 'zeros.csv', bytes: new Uint8Array(5000), refused: /no text: it is full of NUL bytes/ },
  ],
  'line ends': [
    ...['\n', '\r\n', '\r'].flatMap((end) => [
      { name: 'ends.csv', bytes: csv.replaceAll('\n', end), rows: good },
      { name: 'ends-last.csv', bytes: csv.replaceAll('\n', end).slice(0, -end.length), rows: good },
      { name: 'ends.tsv', bytes: csv.replaceAll('\n', end).replaceAll(',', '\t'), rows: good },
      {
        name: 'ends.jsonl',
        bytes: `{"text":"a","label":1}${end}{"text":"b","label":2}${end}`,
        rows: [
          [1, 'a', '1'],
          [2, 'b', '2'],
        ] as const,
      },
      {
        name: 'within.csv',
        bytes: `text,label${end}"a${end}${end}b",x${end}c,y${end}`,
        rows: [
          [2, `a${end}${end}b`, 'x'],
          [5, 'c', 'y'],
        ] as const,
      },
    ]),
    {
      name: 'mixed.csv',
      bytes: 'text,label\na,x\r\nb,y\rc,z\n',
      rows: [
        [2, 'a', 'x'],
        [3, 'b', 'y'],
        [4, 'c', 'z'],
      ],
    },
    { name: 'separators.jsonl', bytes: '{"text":"a\u2028b\u0085c","label":1}\n', rows: [[1, 'a\u2028b\u0085c', '1']] },
  ],
  delimiters: [
    ...[';', '\t', '|'].map((one) => ({ name: 'other.csv', bytes: csv.replaceAll(',', one), rows: good })),
    { name: 'sep.csv', bytes: `sep=;\r\n${csv.replaceAll(',', ';')}`, rows: later },
    { name: 'sep-quoted.csv', bytes: `"sep=;"\r\n${csv.replaceAll(',', ';')}`, rows: later },
    { name: 'sep-comma.csv', bytes: `sep=,\n${csv}`, rows: later },
    { name: 'sep-tab.csv', bytes: `sep=\t\n${csv.replaceAll(',', '\t')}`, rows: later },
    { name: 'sep-mark.csv', bytes: utf16(`sep=;\r\n${csv.replaceAll(',', ';')}`), rows: later },
    {
      name: 'in-quotes.csv',
      bytes: '"text; which; one",label\na,x\n',
      wish: { columns: { text: 'text; which; one' } },
      rows: [[2, 'a', 'x']],
    },
  ],
  quotes: [
    { name: 'inch.csv', bytes: 'text,label\nThe 5" screen,pos\n', rows: [[2, 'The 5" screen', 'pos']] },
    { name: 'lead.csv', bytes: 'text,label\n"Great" they said,pos\n', rows: [[2, '"Great" they said', 'pos']] },
    { name: 'spaces.csv', bytes: 'text, label\n"a, b", "pos"\n', rows: [[2, 'a, b', 'pos']] },
    {
      name: 'backslash.csv',
      bytes: 'text,label\n"He said \\"go, now\\" to us",pos\n',
      rows: [[2, 'He said "go, now" to us', 'pos']],
    },
    { name: 'doubled.csv', bytes: 'text,label\n"He said ""go"", \\",pos\n', rows: [[2, 'He said "go", \\', 'pos']] },
    {
      name: 'unclear.csv',
      bytes: 'text,label\n"He said "hi, there" to me",pos\nb,neg\n',
      rows: [[3, 'b', 'neg']],
      bad: [[2, /3 fields, expected 2; .*written twice/]],
    },
    {
      name: 'stray.csv',
      bytes: 'text,label\na,x\n"b,y\nc,z\n',
      rows: [[2, 'a', 'x']],
      bad: [
        [3, /a quote opens here and is never closed/],
        [4, /opens in line 3/],
      ],
    },
    {
      name: 'whole.tsv',
      bytes: 'text\tlabel\n"said ""hi"""\tx\n"a" b\ty\n',
      rows: [
        [2, 'said "hi"', 'x'],
        [3, '"a" b', 'y'],
      ],
    },
    {
      name: 'newlines.tsv',
      bytes: 'text\tlabel\n"a\nb"\tx\nc\ty\n',
      rows: [
        [2, 'a\nb', 'x'],
        [4, 'c', 'y'],
      ],
    },
  ],
  'blank rows and width': [
    {
      name: 'empty.csv',
      bytes: 'text,label\na,x\n,\n\n""\n  \nb,y\n',
      rows: [
        [2, 'a', 'x'],
        [7, 'b', 'y'],
      ],
      blank: 4,
    },
    { name: 'empty.tsv', bytes: 'text\tlabel\n\na\tx\n\t\n', rows: [[3, 'a', 'x']], blank: 2 },
    { name: 'empty.jsonl', bytes: '\n{"text":"a","label":1}\n \n', rows: [[2, 'a', '1']], blank: 2 },
    { name: 'before.csv', bytes: '\n\ntext,label\na,x\n', rows: [[4, 'a', 'x']] },
    {
      name: 'trailing.csv',
      bytes: 'text,label\na,x,\nb,y,,\n',
      rows: [
        [2, 'a', 'x'],
        [3, 'b', 'y'],
      ],
    },
    {
      name: 'trailing-both.csv',
      bytes: 'text,label,\na,x,\nb,y\n',
      rows: [
        [2, 'a', 'x'],
        [3, 'b', 'y'],
      ],
    },
    {
      name: 'width.csv',
      bytes: 'text,label\na,x\nb\nc,y,z\n',
      rows: [[2, 'a', 'x']],
      bad: [
        [3, /1 field, expected 2/],
        [4, /3 fields, expected 2/],
      ],
    },
    {
      name: 'json.jsonl',
      bytes: '{"text":"a","label":1}\n[1]\n{"text":5,"label":1}\n{\n',
      rows: [[1, 'a', '1']],
      bad: [
        [2, /not a JSON object/],
        [3, /not a string/],
        [4, /not valid JSON/],
      ],
    },
  ],
  columns: [
    { name: 'names.csv', bytes: ' Text ,LABEL\na,x\n', wish: { columns: { label: 'LABEL' } }, rows: [[2, 'a', 'x']] },
    { name: 'quoted-names.csv', bytes: '"text","label"\na,x\n', rows: [[2, 'a', 'x']] },
    {
      name: 'headless.csv',
      bytes: 'a,x\nb,y\n',
      wish: { header: false, columns: { text: '1', label: '2' } },
      rows: [
        [1, 'a', 'x'],
        [2, 'b', 'y'],
      ],
    },
    {
      name: 'same-names.csv',
      bytes: 'text,text,label\na,b,x\n',
      wish: { columns: { text: 'text' } },
      refused: /2 columns “text”/,
    },
    {
      name: 'nested.jsonl',
      bytes: '{"review":{"body":"a"},"label":1}\n',
      wish: { columns: { text: 'review.body' } },
      rows: [[1, 'a', '1']],
    },
    {
      name: 'later-key.jsonl',
      bytes: '{"id":1}\n{"text":"a","label":1}\n',
      rows: [[2, 'a', '1']],
      bad: [[1, /empty text|no “text”/]],
    },
    { name: 'many.csv', bytes: `text,label${',x'.repeat(20_000)}\n`, refused: /more than 10000 columns/ },
    {
      name: 'endless-header.csv',
      bytes: `text,label,${'x'.repeat(300_000)}\na,x,y\n`,
      refused: /first row does not end within/,
    },
  ],
  packed: [
    { name: 'a.csv.gz', bytes: gzipSync(csv), rows: good },
    { name: 'a.csv.zst', bytes: zstdCompressSync(csv), rows: good },
    { name: 'not-by-name.csv', bytes: gzipSync(utf16(csv)), rows: good },
    { name: 'cut.csv.gz', bytes: gzipSync(csv.repeat(100)).subarray(0, 60), refused: /cannot be unpacked/ },
  ],
  Parquet: [
    {
      name: 'lz4.parquet',
      bytes: golden('reviews-lz4.parquet'),
      rows: Array.from(
        { length: 300 },
        (_, i) => [i + 1, `${i % 2 ? 'schlecht für 😀' : 'good, “really”'} ${i}`, i % 2 ? 'neg' : 'pos'] as const,
      ),
    },
    {
      name: 'labels.parquet',
      bytes: golden('labels-huggingface.parquet'),
      rows: Array.from({ length: 10 }, (_, i) => [i + 1, `row ${i}`, i % 2 ? 'pos' : 'neg'] as const).filter(
        (_, i) => i !== 7,
      ),
      bad: [[8, /empty text|no “text”/]],
    },
    {
      name: 'inner.parquet',
      bytes: golden('labels-huggingface.parquet').subarray(),
      wish: { columns: { text: 'inner.note' } },
      rows: Array.from({ length: 10 }, (_, i) => [i + 1, `note ${i}`, i % 2 ? 'pos' : 'neg'] as const),
    },
    {
      name: 'struct.parquet',
      bytes: golden('labels-huggingface.parquet'),
      wish: { columns: { text: 'inner' } },
      rows: [],
      bad: Array.from({ length: 10 }, (_, i) => [i + 1, /not a string/] as const),
    },
    { name: 'no.parquet', bytes: 'PAR1 but not really PAR1', refused: /The Parquet file cannot be read/ },
  ],
}

/** The rows of a file as one of the readers gives them; a refusal is thrown. */
interface Seen {
  readonly rows: readonly (readonly [number, string, string])[]
  readonly bad: readonly (readonly [number, string])[]
  readonly blank: number
}

/** How `train` and `evaluate` read; a table of bad rows alone would be refused as a whole, so here it may. */
async function asDataset(path: string, wish: Wish): Promise<Seen> {
  const { rows, report } = await readDataset(path, { ...wish, limits: { badShareMax: 1.1 } })
  return {
    rows: rows.map(({ line, text, label }) => [line, text, label]),
    bad: report.badShown.map(({ line, reason }) => [line, reason]),
    blank: report.blank,
  }
}

/** How `predict --file` reads. */
async function asBatch(path: string, { columns, encoding, format, header }: Wish): Promise<Seen> {
  const { chunks, input } = await openBatch({
    path,
    stdin: Readable.from([]),
    format: format ?? null,
    encoding: encoding ?? null,
    header: header ?? true,
    text: columns?.text ?? null,
    keep: [columns?.label ?? 'label'],
  })
  const rows: [number, string, string][] = []
  const bad: [number, string][] = []
  let blank = 0
  for await (const chunk of chunks) {
    const read = recordsOf(chunk, input)
    blank += read.blank
    for (const row of read.rows)
      if (row.text === null) bad.push([row.line, row.bad ?? ''])
      else rows.push([row.line, row.text, String(row.kept[0])])
  }
  return { rows, bad, blank }
}

function written({ name, bytes }: Case): string {
  const path = join(folder, `${++files}-${name}`)
  writeFileSync(path, bytes)
  return path
}

const readers = { 'train and evaluate': asDataset, 'predict --file': asBatch }

for (const [kind, some] of Object.entries(cases)) {
  describe.each(Object.entries(readers))(`${kind}: %s`, (_, read) => {
    test.each(some.map((one) => [one.name, one] as const))('%s', async (_, one) => {
      const path = written(one)
      const reading = read(path, one.wish ?? {})
      if (one.refused !== undefined) {
        await expect(reading).rejects.toMatchObject({
          code: 'data_broken',
          message: expect.stringMatching(one.refused),
        })
        return
      }
      if (read === asDataset && one.rows?.length === 0) {
        await expect(reading).rejects.toThrow(/no usable row/)
        return
      }
      const seen = await reading
      expect(seen.rows).toEqual(one.rows)
      expect(seen.bad.map(([line]) => line)).toEqual((one.bad ?? []).map(([line]) => line))
      for (const [i, [, reason]] of (one.bad ?? []).entries()) expect(seen.bad[i][1]).toMatch(reason)
      expect(seen.blank).toBe(one.blank ?? 0)
    })
  })
}

test('a training reads its files in this way, and passes on what was concluded and what was blank', async () => {
  const path = written({ name: 'sep.csv', bytes: Buffer.from(`sep=;\n${csv.replaceAll(',', ';')};\n`, 'utf16le') })
  const found: ReadBody[] = []
  const file = { kind: 'file', path, name: 'sep.csv', labelled: true, encoding: 'utf-16le' } as const
  const asked = { parameters: {}, seed: 1, test: null }
  // The other fields of a job are none of the reading's.
  const job = { asked, files: [file] } as unknown as Job
  const never = new AbortController().signal
  const { rows } = await readTexts(job, { progress: () => {}, found: (read) => found.push(read), signal: never })
  expect(rows.map(({ text, label }) => [text, label])).toEqual(good.map(([, text, label]) => [text, label]))
  expect(found).toMatchObject([
    { rows: 2, bad: 0, blank: 1, notes: ['the first line says that fields are separated by “;”'] },
  ])
})

test('standard input is read like a file, and passed on as it comes', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  async function* stdin(): AsyncGenerator<Uint8Array> {
    yield utf16('first\n')
    await held
    yield Buffer.from('second\n', 'utf16le')
  }
  const wish = { path: '-', format: null, encoding: null, header: true, text: null, keep: [] } as const
  const { chunks, input } = await openBatch({ ...wish, stdin: stdin() })
  const texts: unknown[] = []
  for await (const chunk of chunks) {
    texts.push(...recordsOf(chunk, input).rows.map(({ text }) => text))
    release()
  }
  expect(texts).toEqual(['first', 'second'])
})

test('encodings go by any of their names, and an unknown one is refused with the known ones', () => {
  expect(['Latin1', 'cp1252', 'UTF8', 'macroman', 'Shift_JIS', 'sjis', 'utf-16'].map(encodingName)).toEqual([
    'windows-1252',
    'windows-1252',
    'utf-8',
    'macintosh',
    'shift_jis',
    'shift_jis',
    'utf-16le',
  ])
  expect(() => encodingName('klingon')).toThrow(/no encoding “klingon”. Known are utf-8/)
})

/** Encoded with Python: "…".encode(encoding). */
test.each([
  ['windows-1251', 'cff0e8e2e5f220ece8f02c20fdf2ee20eef7e5edfc20f5eef0eef8e8e920eef2e5eb'],
  ['koi8-r', 'f0d2c9d7c5d420cdc9d22c20dcd4cf20cfdec5ced820c8cfd2cfdbc9ca20cfd4c5cc'],
  ['windows-1250', '5a61bff3b3e62067ea9c6cb9206a619ff1'],
  ['windows-1252', '497492732067726561742c2069736e92742069743f'],
  ['macintosh', '6e619576652066618d6164652c207363689a6e'],
])('%s is recognised', (name, hex) => {
  expect(likelyEncoding(Buffer.from(hex, 'hex'))).toBe(name)
})
