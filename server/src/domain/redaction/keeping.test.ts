import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { keeping } from './keeping.ts'

/** A stand-in for the keyed hash: what matters here is its form. */
const digits = (name: string) => Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32)

/** Any UTF-16 code units, halves of pairs among them. */
const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
  .map((units) => String.fromCharCode(...units))

test('a text is kept whole, without personal data, or not at all', () => {
  const text = 'from 192.0.2.7'
  expect(keeping('full', digits).text(text)).toBe(text)
  expect(keeping('redacted', digits).text(text)).toBe('from [ip]')
  expect(keeping('hash', digits).text(text)).toBeNull()
})

test('a name with personal data in it becomes a hash, so that two of them stay two', () => {
  const { name } = keeping('redacted', digits)
  expect(name('shop-eu')).toBe('shop-eu')
  expect(name('192.0.2.7')).toMatch(/^hash:[0-9a-f]{32}$/)
  expect(name('192.0.2.7')).not.toBe(name('192.0.2.8'))
})

test('the kept name of a kept name is itself: what the log shows can be asked for', () => {
  fc.assert(
    fc.property(fc.constantFrom('full', 'redacted', 'hash'), anyUnits, (keep, sent) => {
      const { name } = keeping(keep, digits)
      expect(name(name(sent))).toBe(name(sent))
    }),
  )
})

test('neither database keeps a NUL or half a pair: what is shown live is what is kept', () => {
  const { text, name } = keeping('full', digits)
  expect(text('a\0\ud800')).toBe('a\ufffd\ufffd')
  expect(name('a\0\ud800')).toBe('a\ufffd\ufffd')
})
