import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { Fault } from '../../domain/faults.ts'
import { readSamples } from './readSamples.ts'

const folder = mkdtempSync(join(tmpdir(), 'barometer-samples-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function file(ending: string, content: string | Uint8Array): string {
  const path = join(folder, `${++files}${ending}`)
  writeFileSync(path, content)
  return path
}

test('a table and objects, packed or not, say the same', async () => {
  const table =
    'node,at,latency,bytes_in,label\nb,2024-01-01T00:00:30Z,2.5,,1\nb,2024-01-01T00:00:00Z,1,10,0\na,1704067200,3,7,\n'
  const objects = [
    { node: 'b', at: 1_704_067_230_000, latency: 2.5, bytes_in: null, label: true },
    { host: 'b', timestamp: '2024-01-01T00:00:00Z', metrics: { latency: 1, bytes_in: 10 }, label: 'normal' },
    { node: 'a', at: 1_704_067_200, latency: 3, bytes_in: 7 },
  ]
  const lines = objects.map((each) => JSON.stringify(each)).join('\n')
  const paths = [
    file('.csv', table),
    file('.csv', `\uFEFF${table.replaceAll(',', ';').replaceAll('\n', '\r\n')}`),
    file('.tsv', table.replaceAll(',', '\t')),
    file('.ndjson', lines),
    file('.jsonl.gz', gzipSync(lines)),
  ]
  for (const path of paths) {
    const { histories, labelled, rows, bad } = await readSamples(path)
    expect({ rows, bad, labelled }).toEqual({ rows: 3, bad: 0, labelled: true })
    const b = histories.find(({ node }) => node === 'b')!
    expect([...b.metrics].sort()).toEqual(['bytes_in', 'latency'])
    const at = (row: number, metric: string) => b.values[row * 2 + b.metrics.indexOf(metric)]
    expect([...b.at]).toEqual([1_704_067_200_000, 1_704_067_230_000])
    expect([at(0, 'latency'), at(0, 'bytes_in'), at(1, 'latency'), at(1, 'bytes_in')]).toEqual([1, 10, 2.5, NaN])
    expect([...b.label]).toEqual([0, 1])
    expect([...histories.find(({ node }) => node === 'a')!.label]).toEqual([255])
  }
})

test('whatever was written as rows in any order is read back in the order of time', async () => {
  const someSamples = fc.uniqueArray(
    fc.record({ at: fc.integer({ min: 0, max: 1e12 }), x: fc.double({ noNaN: true, noDefaultInfinity: true }) }),
    { selector: ({ at }) => at, minLength: 1, maxLength: 40 },
  )
  await fc.assert(
    fc.asyncProperty(someSamples, async (samples) => {
      const iso = samples.map(({ at, x }) => JSON.stringify({ node: 'n', at: new Date(at).toISOString(), x }))
      const { histories } = await readSamples(file('.jsonl', iso.join('\n')))
      const sorted = [...samples].sort((a, b) => a.at - b.at)
      expect([...histories[0].at]).toEqual(sorted.map(({ at }) => at))
      // JSON does not tell −0 from 0.
      expect(Array.from(histories[0].values, (x) => x + 0)).toEqual(sorted.map(({ x }) => x + 0))
    }),
    { numRuns: 30 },
  )
})

test('bad rows are named by line, and from 1 % on the data is refused', async () => {
  const good = Array.from({ length: 300 }, (_, i) => `n,${i},1`)
  const path = file('.csv', ['node,at,x', ...good, 'n,soon,1', ',5,1'].join('\n'))
  const { bad, badShown, rows } = await readSamples(path)
  expect({ bad, rows }).toEqual({ bad: 2, rows: 300 })
  expect(badShown[0]).toEqual({ line: 302, reason: 'the time "soon" is neither ISO 8601 nor a number' })
  const worse = file('.csv', ['node,at,x', ...good.slice(0, 50), 'n,9999,many'].join('\n'))
  await expect(readSamples(worse)).rejects.toThrow(/line 52: x is "many", not a number/)
})

test('what is no data at all is a fault with a reason', async () => {
  await expect(readSamples(join(folder, 'none.csv'))).rejects.toThrow(Fault)
  await expect(readSamples(file('.xlsx', 'x'))).rejects.toThrow(/Known endings/)
  await expect(readSamples(file('.csv', 'host,x\na,1\n'))).rejects.toThrow(/no time/)
  await expect(readSamples(file('.jsonl', '[1]\n'))).rejects.toThrow(/not a JSON object/)
})
