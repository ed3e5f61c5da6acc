import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readTokenizer } from './tokenizer.ts'

const folder = new URL('../../../test/golden/tokenize/', import.meta.url)
const bytesOf = (name: string) => readFileSync(new URL(`${name}.json`, folder))

interface Case {
  readonly text: string
  readonly ids: readonly number[]
  /** Start and end of each token in turn. */
  readonly offsets: readonly number[]
}
const cases: Record<'wordpiece' | 'bpe' | 'unigram', readonly Case[]> = JSON.parse(bytesOf('cases').toString())

const placesOf = ({ starts, ends }: { starts: Int32Array; ends: Int32Array }) =>
  Array.from(starts, (start, i) => [start, ends[i]]).flat()

describe('WordPiece', () => {
  const tokenizer = readTokenizer(bytesOf('wordpiece'), { maxLength: 4096 })

  test.each(cases.wordpiece)('gives the ids and places of the original: $text', ({ text, ids, offsets }) => {
    const encoding = tokenizer.encode(text)
    expect([...encoding.ids]).toEqual(ids)
    expect(placesOf(encoding)).toEqual(offsets)
  })

  test('takes any string, halves of surrogate pairs too, and its places ascend within it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 3, max: 40 }), (text, maxLength) => {
        const short = readTokenizer(small, { maxLength })
        for (const { ids, starts, ends, tokens } of [tokenizer.encode(text), short.encode(text)]) {
          expect(ids.length).toBe(tokens + 2)
          let last = 0
          for (let i = 1; i <= tokens; i++) {
            expect(starts[i]).toBeGreaterThanOrEqual(last)
            expect(ends[i]).toBeGreaterThan(starts[i])
            last = starts[i]
          }
          expect(ends[tokens]).toBeLessThanOrEqual(text.length)
        }
      }),
    )
  })
  const small = bytesOf('wordpiece')

  test('of a long text the beginning is kept, or a quarter of it and three quarters of the end', () => {
    const words = Array.from({ length: 100 }, (_, i) => (i < 50 ? 'walking' : 'the')).join(' ')
    const whole = [...tokenizer.encode(words).ids]
    const head = readTokenizer(small, { maxLength: 22 }).encode(words)
    expect([...head.ids]).toEqual([...whole.slice(0, 21), whole.at(-1)])
    expect(head).toMatchObject({ truncated: true, tokens: 20 })
    const both = readTokenizer(small, { maxLength: 22, keep: 'head-and-tail' }).encode(words)
    expect([...both.ids]).toEqual([...whole.slice(0, 6), ...whole.slice(-16)])
    expect(both.ends[20]).toBe(words.length)
    const short = readTokenizer(small, { maxLength: 22, keep: 'head-and-tail' }).encode('the end')
    expect(short.truncated).toBe(false)
    expect([...short.ids]).toEqual([...tokenizer.encode('the end').ids])
  })

  test('counts what the vocabulary does not know', () => {
    const { unknown, tokens } = tokenizer.encode('the 𝔘 end')
    expect(unknown).toBe(1)
    expect(tokens).toBeGreaterThan(2)
  })

  test('words of a hundred letters that cannot be cut cost no more than a few milliseconds', () => {
    const word = `${'walking'.repeat(14)}𝔘`
    const text = `${word} `.repeat(200)
    const began = performance.now()
    expect(readTokenizer(small, { maxLength: 512 }).encode(text).unknown).toBe(200)
    expect(performance.now() - began).toBeLessThan(100)
  })
})

describe.each(['bpe', 'unigram'] as const)('%s', (kind) => {
  const tokenizer = readTokenizer(bytesOf(kind), { maxLength: 4096 })

  test.each(cases[kind].filter(({ text }) => comparable(kind, text)))(
    'gives the ids of the original: $text',
    ({ text, ids }) => {
      expect([...tokenizer.encode(text).ids]).toEqual(ids)
    },
  )

  test('finds the places of its tokens again; white space alone has an empty one', () => {
    let right = 0
    let placed = 0
    let all = 0
    for (const { text, ids, offsets } of cases[kind].filter((one) => comparable(kind, one.text))) {
      const { starts, ends } = tokenizer.encode(text)
      all += ids.length - 2
      for (let i = 1; i < ids.length - 1; i++) {
        if (starts[i] === ends[i]) continue
        placed++
        if (starts[i] === offsets[2 * i] && ends[i] === offsets[2 * i + 1]) right++
      }
    }
    expect(placed / all).toBeGreaterThan(0.75)
    expect(right / placed).toBeGreaterThan(0.95)
  })

  test('its places ascend within the text, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const { starts, ends, tokens } = tokenizer.encode(text)
        let last = 0
        for (let i = 1; i <= tokens; i++) {
          expect(starts[i]).toBeGreaterThanOrEqual(last)
          expect(ends[i]).toBeGreaterThanOrEqual(starts[i])
          last = starts[i]
        }
        expect(ends[tokens]).toBeLessThanOrEqual(text.length)
      }),
    )
  })
})

/**
 * The library takes U+0085 and U+FEFF, which are not typed, for white space otherwise than the original; and an accent that
 * is a token of its own lies with its letter here.
 */
function comparable(kind: string, text: string): boolean {
  return kind === 'bpe' || !/[\u0085\ufeff]|^(b\u0301)+$/.test(text)
}

test('what is no tokenizer, or leaves no room for a text, is refused with the reason', () => {
  const refused = (bytes: Uint8Array, say: RegExp, maxLength = 64) =>
    expect(() => readTokenizer(bytes, { maxLength })).toThrow(say)
  const json = JSON.parse(bytesOf('wordpiece').toString())
  const encoded = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  refused(new Uint8Array([0xff, 0xfe]), /not JSON/)
  refused(encoded({ model: 3 }), /form of a tokenizer/)
  refused(bytesOf('wordpiece'), /no room/, 2)
  refused(encoded({ ...json, post_processor: { type: 'Surprise' } }), /Surprise/)
  refused(encoded({ ...json, pre_tokenizer: { type: 'Surprise' } }), /kind that is not known/)
})
