import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildKernel } from './build.ts'
import { kernelMemory, openKernel } from './kernel.ts'

function opened(bytes = 1 << 20) {
  const memory = kernelMemory(bytes)
  let next = 0
  const take = (count: number): Float32Array => {
    const view = new Float32Array(memory.buffer, next, count)
    next += Math.ceil((4 * count) / 128) * 128
    return view
  }
  const ids = (values: readonly number[]): BigInt64Array => {
    const view = new BigInt64Array(memory.buffer, next, values.length)
    view.set(values.map(BigInt))
    next += Math.ceil((8 * values.length) / 128) * 128
    return view
  }
  return { kernel: openKernel(memory), take, ids }
}

test('the bytes in the tree are what the source gives', async () => {
  const kept = readFileSync(new URL('kernel.wasm', import.meta.url))
  expect(Buffer.from(await buildKernel()).equals(kept)).toBe(true)
})

test('the sum of squares is exact to the precision of float64', () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 200 }),
      (values) => {
        const { kernel, take } = opened()
        const x = take(Math.ceil(values.length / 16) * 16)
        x.set(values)
        const expected = values.reduce((sum, value) => sum + value * value, 0)
        const seen = kernel.sumOfSquares(x.byteOffset, x.length)
        expect(Math.abs(seen - expected)).toBeLessThanOrEqual(1e-13 * expected)
      },
    ),
  )
})

test('rows are added to the rows of the table that the ids name, repeated ids too, and nothing else is touched', () => {
  const table = fc.record({ rows: fc.integer({ min: 1, max: 9 }), width: fc.integer({ min: 1, max: 11 }) })
  const ids = fc.array(fc.nat(8), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(table, ids, ({ rows, width }, named) => {
      const { kernel, take, ids } = opened()
      const known = named.map((id) => id % rows)
      const to = take(rows * width)
      const guard = take(32).fill(7)
      const from = take(known.length * width).map((_, i) => i + 0.5)
      take(0)
      const source = take(from.length)
      source.set(from)
      const feed = ids(known)
      to.fill(1)
      kernel.scatterAdd(to.byteOffset, rows, source.byteOffset, feed.byteOffset, known.length, width)
      const expected = new Float32Array(rows * width).fill(1)
      for (const [i, id] of known.entries()) {
        for (let d = 0; d < width; d++) expected[id * width + d] += source[i * width + d]
      }
      expect([...to]).toEqual([...expected])
      expect(guard.every((value) => value === 7)).toBe(true)
    }),
  )
})

test('an id outside of the table is a bug that traps', () => {
  const { kernel, take, ids } = opened()
  const table = take(16)
  const rows = take(16)
  for (const id of [4, -1]) {
    const feed = ids([id])
    expect(() => kernel.scatterAdd(table.byteOffset, 4, rows.byteOffset, feed.byteOffset, 1, 4)).toThrow()
  }
})

/** Philox 4×32 (Salmon et al. 2011, §3.1) in plain integers. */
function philox(counter: readonly number[], key: readonly number[], rounds: number): number[] {
  let [a, b, c, d] = counter.map(BigInt)
  let [k0, k1] = key.map(BigInt)
  const low = (x: bigint): bigint => x & 0xffffffffn
  for (let round = 0; round < rounds; round++) {
    const [p0, p1] = [a * 0xd2511f53n, c * 0xcd9e8d57n]
    ;[a, b, c, d] = [(p1 >> 32n) ^ b ^ k0, low(p1), (p0 >> 32n) ^ d ^ k1, low(p0)]
    k0 = low(k0 + 0x9e3779b9n)
    k1 = low(k1 + 0xbb67ae85n)
  }
  return [a, b, c, d].map(Number)
}

test('the oracle of the masks gives the known answers of Random123', () => {
  expect(philox([0, 0, 0, 0], [0, 0], 10)).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
  const ones = 0xffffffff
  expect(philox([ones, ones, ones, ones], [ones, ones], 10)).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd])
})

test('a mask is Philox with seven rounds, sixteen bits an element', () => {
  const { kernel, take } = opened()
  const [seed, salt, site, step, turn] = [0x9abcdef0, 77, 5, 123_456, 2]
  const mask = take(256)
  kernel.mask(mask.byteOffset, mask.length, 1.25, 52_429, seed, salt, site, step, turn)
  const bits: number[] = []
  for (let group = 0; group < 8; group++) {
    // Four blocks side by side: word by word, block by block, the low half first.
    const blocks = [0, 1, 2, 3].map((lane) => philox([4 * group + lane, site, step, turn], [seed, salt], 7))
    for (let word = 0; word < 4; word++) {
      for (const block of blocks) bits.push(block[word] & 0xffff, block[word] >>> 16)
    }
  }
  expect([...mask]).toEqual(bits.map((value) => (value < 52_429 ? 1.25 : 0)))
})

test('every argument of a mask gives another mask, and the share that it keeps is the one asked for', () => {
  const { kernel, take } = opened()
  const mask = take(65_536)
  const draw = (...at: [number, number, number, number, number]): string => {
    kernel.mask(mask.byteOffset, mask.length, 1, 0.9 * 65_536, ...at)
    const kept = mask.reduce((sum, value) => sum + value, 0) / mask.length
    // Within five standard deviations of a share of n draws.
    expect(Math.abs(kept - 0.9)).toBeLessThan(5 * Math.sqrt((0.9 * 0.1) / mask.length))
    return mask.join('')
  }
  const seen = new Set([draw(1, 0, 0, 1, 0), draw(2, 0, 0, 1, 0), draw(1, 1, 0, 1, 0), draw(1, 0, 1, 1, 0)])
  seen.add(draw(1, 0, 0, 2, 0)).add(draw(1, 0, 0, 1, 1))
  expect(seen.size).toBe(6)
  expect(seen.has(draw(1, 0, 0, 1, 0))).toBe(true)
})
