import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type BatchWish, openBatch } from './openBatch.ts'
import { recordsOf } from './records.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barometer-batch-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const anything = { format: null, encoding: null, header: true, text: null, keep: [] } as const

/** The texts of a file with their lines. */
async function textsOf(name: string, bytes: string | Uint8Array, wish: Partial<BatchWish> = {}): Promise<unknown[]> {
  const path = name === '-' ? '-' : join(folder, name)
  if (name !== '-') writeFileSync(path, bytes)
  const stdin = Readable.from([Buffer.from(bytes)])
  const { chunks, input } = await openBatch({ ...anything, path, stdin, ...wish })
  const rows = []
  for await (const chunk of chunks) for (const { line, text } of recordsOf(chunk, input).rows) rows.push([line, text])
  return rows
}

const two = [
  [2, 'one'],
  [3, 'two'],
]

test('formats go by the name; the text column by what it is called', async () => {
  expect(await textsOf('a.csv', 'id,text\n1,one\n2,two\n')).toEqual(two)
  expect(await textsOf('a.tsv', 'id\tReview\treview\n1\tx\tone\n2\tx\ttwo\n')).toEqual(two)
  expect(await textsOf('a.csv', 'anything\none\ntwo\n')).toEqual(two)
  expect(await textsOf('a.jsonl', '\n{"message":"one"}\n{"message":"two"}')).toEqual(two)
  expect(await textsOf('a.txt', '\none\ntwo')).toEqual(two)
})

test('semicolons and bars are found to be delimiters', async () => {
  expect(await textsOf('a.csv', 'id;text\n1;one\n2;two\n')).toEqual(two)
  expect(await textsOf('a.csv', 'id|text\n1|one\n2|two\n')).toEqual(two)
})

test('gzip is unpacked and a byte-order mark dropped, whatever the name says', async () => {
  expect(await textsOf('a.csv.gz', gzipSync('id,text\n1,one\n2,two\n'))).toEqual(two)
  expect(await textsOf('a.csv', gzipSync('\ufeffid,text\n1,one\n2,two\n'))).toEqual(two)
  expect(await textsOf('a.csv', '\ufefftext\none\ntwo\n')).toEqual(two)
})

test('standard input is one text a line, unless a format is said', async () => {
  expect(await textsOf('-', '\none\ntwo')).toEqual(two)
  expect(await textsOf('-', 'id,text\n1,one\n2,two\n', { format: 'csv' })).toEqual(two)
})

test('an empty file has no rows', async () => {
  expect(await textsOf('a.txt', '')).toEqual([])
})

test.each([
  ['a.csv', 'a,b\n', {}, 'Which column is the text?'],
  ['a.csv', 'a,b\n', { text: 'c' }, 'The data has no text column “c”; it has “a”, “b”.'],
  ['a.csv', 'a,text\n', { keep: ['z'] }, 'The data has no such column “z”'],
  [
    'a.txt',
    'x',
    { keep: ['text', 'z'] },
    'Plain text has no column “z”: each line is a text, which can be kept as “text”.',
  ],
  ['a.doc', 'x', {}, 'What kind of data'],
  ['a.csv.gz', gzipSync('text\none\n').subarray(0, 20), {}, 'cannot be unpacked'],
])('%s is refused with words that help', async (name, bytes, wish, words) => {
  await expect(textsOf(name, bytes, wish)).rejects.toThrow(words)
})

test('a file that is not there, or is a folder, is refused with words that help', async () => {
  const wish = { ...anything, stdin: Readable.from([]) }
  await expect(openBatch({ ...wish, path: join(folder, 'no.csv') })).rejects.toThrow('there is no such file')
  await expect(openBatch({ ...wish, path: folder, format: 'csv' })).rejects.toThrow('is a folder')
})
