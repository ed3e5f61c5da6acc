/**
 * How fast files of rows are read, on one core.
 *
 *   node server/bench/files.ts
 *
 * `rows` is from bytes in memory to fields, what a thread of a batch does; `dataset` from a file on disk to checked
 * rows with their report, what a training does. Rows of 40 and of 200 words; MB (10⁶ bytes) of the file a second,
 * of the fastest of its turns.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bench, do_not_optimize, run } from 'mitata'
import { blocksOf } from '../src/ingest/files/blocks.ts'
import type { Block, Layout } from '../src/ingest/files/layout.ts'
import { openFile } from '../src/ingest/files/openFile.ts'
import { readRows } from '../src/ingest/files/readRows.ts'
import { rowsOf } from '../src/ingest/files/rows.ts'
import { findSource } from '../src/ingest/files/source.ts'

const BYTES = 16e6
const folder = mkdtempSync(join(tmpdir(), 'barometer-bench-files-'))

function bytesOf(row: (i: number) => string, head: string): Buffer {
  const rows = [head]
  let length = head.length
  for (let i = 0; length < BYTES; i++) {
    const one = row(i)
    rows.push(one)
    length += one.length
  }
  return Buffer.from(rows.join(''))
}

const words = 'the staff was lovely but our room smelled of smoke and nobody came when we called'.split(' ')
const plain = (count: number) => (i: number) =>
  Array.from({ length: count }, (_, k) => words[(i * 7 + k * 3 + (i >> 3)) % words.length]).join(' ')
const csv = (text: (i: number) => string) => bytesOf((i) => `${i},${text(i)},positive\n`, 'id,text,label\n')
const quoted = (text: (i: number) => string) =>
  bytesOf((i) => `${i},"${text(i)}, he said ""no""\nand “left”",positive\n`, 'id,text,label\n')

const inputs: Readonly<Record<string, Buffer>> = {
  'plain, 40 words.csv': csv(plain(40)),
  'plain, 200 words.csv': csv(plain(200)),
  'quoted, 40 words.csv': quoted(plain(40)),
  'quoted, 200 words.csv': quoted(plain(200)),
  '40 words.tsv': bytesOf((i) => `${i}\t${plain(40)(i)}\tpositive\n`, 'id\ttext\tlabel\n'),
  '40 words.jsonl': bytesOf((i) => `${JSON.stringify({ id: i, text: plain(40)(i), label: 'positive' })}\n`, ''),
  'UTF-16, 40 words.csv': Buffer.from(`\ufeff${csv(plain(40)).toString()}`, 'utf16le'),
}

async function blocksOfFile(path: string): Promise<{ blocks: Block[]; layout: Layout }> {
  const file = await openFile(await findSource(path))
  const blocks: Block[] = []
  for await (const block of file.blocks([])) blocks.push(block)
  return { blocks, layout: file.layout }
}

const sizes = new Map<string, number>()
for (const [name, bytes] of Object.entries(inputs)) {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  const { blocks, layout } = await blocksOfFile(path)
  const inUtf8 = blocks.reduce((sum, block) => sum + block.bytes.length, 0)
  sizes.set(`rows     ${name}`, inUtf8)
  bench(`rows     ${name}`, () => {
    for (const block of blocks) do_not_optimize(rowsOf(block, layout, ['text', 'label']))
  })
  if (name.endsWith('.csv') && !name.startsWith('UTF')) {
    sizes.set(`blocks   ${name}`, bytes.length)
    bench(`blocks   ${name}`, async () => {
      async function* parts() {
        for (let at = 0; at < bytes.length; at += 1 << 18) yield bytes.subarray(at, at + (1 << 18))
      }
      for await (const block of blocksOf(parts(), layout, 1 << 20)) do_not_optimize(block)
    })
  }
  sizes.set(`dataset  ${name}`, bytes.length)
  bench(`dataset  ${name}`, async () => {
    for await (const rows of readRows(path)) do_not_optimize(rows)
  })
}

try {
  const { benchmarks } = await run({ format: 'quiet' })
  for (const { alias, runs } of benchmarks) {
    const [{ stats }] = runs
    if (stats === undefined) continue
    // The least of all times: what other programs take is none of the reader's. Bytes a nanosecond are gigabytes a second.
    console.log(`${alias.padEnd(32)} ${(((sizes.get(alias) ?? 0) / stats.min) * 1e3).toFixed(0).padStart(6)} MB/s`)
  }
} finally {
  rmSync(folder, { recursive: true })
}
