import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { textsFromFile } from './textsFromFile.ts'

const folder = mkdtempSync(join(tmpdir(), 'barometer-load-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(content) : content)
  return path
}

test('a line is a text, and an empty line is none', async () => {
  expect(await textsFromFile(file('a.txt', 'one\r\n\n  \ntwo'))).toEqual(['one', 'two'])
})

test('a line of JSONL is a text with whatever else it has, packed or not', async () => {
  const lines = '{"text":"line\\none","label":1}\n{"id":2,"text":"two"}\n'
  expect(await textsFromFile(file('b.jsonl', lines))).toEqual(['line\none', 'two'])
  expect(await textsFromFile(file('b.ndjson.gz', lines))).toEqual(['line\none', 'two'])
})

test('no more is read than asked for', async () => {
  expect(await textsFromFile(file('c.jsonl', '{"text":"one"}\nnot JSON'), 1)).toEqual(['one'])
})

test.each([
  ['bad.jsonl', '{"text":"one"}\n{"text":', /line 2: not valid JSON/],
  ['wrong.jsonl', '{"text":1}', /line 1 has no text/],
  ['empty.txt', '\n\n', /holds no text/],
])('%s is refused with the place', async (name, content, message) => {
  await expect(textsFromFile(file(name, content))).rejects.toThrow(message)
})

test('a file that is not there, or is cut off, is an error', async () => {
  await expect(textsFromFile(join(folder, 'none.txt'))).rejects.toThrow(/there is no such file/)
  writeFileSync(join(folder, 'cut.txt.gz'), gzipSync('plain'.repeat(100)).subarray(0, 20))
  await expect(textsFromFile(join(folder, 'cut.txt.gz'))).rejects.toThrow(/cannot be unpacked/)
})

test('every format and encoding that other commands read is read', async () => {
  expect(await textsFromFile(file('d.csv', 'id,text\n1,one\n,\n2,two\n'))).toEqual(['one', 'two'])
  const path = join(folder, 'utf16.txt')
  writeFileSync(path, Buffer.from('\ufeffcafé\r\n', 'utf16le'))
  expect(await textsFromFile(path)).toEqual(['café'])
})
