import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createKey, parseKey, proves } from './keys.ts'

const secret = 'a server secret of some thirty-two characters'
const request = { name: 'shop', scopes: ['predict', 'read', 'read'] as const, ratePerMinute: 100, expiresAt: null }

describe('a key', () => {
  const { shown, stored } = createKey(request, secret, 1000)
  const parts = parseKey(shown)

  test('is shown as bk_<id>_<secret> with at least 128 random bits', () => {
    expect(shown).toMatch(/^bk_[0-9A-Za-z]{10}_[0-9A-Za-z]{27}$/)
    expect(27 * Math.log2(62)).toBeGreaterThan(128)
    expect(parts?.id).toBe(stored.id)
  })

  test('is stored without its secret', () => {
    expect(JSON.stringify(stored)).not.toContain(parts?.secret)
    expect(stored).toMatchObject({
      name: 'shop',
      scopes: ['predict', 'read'],
      ratePerMinute: 100,
      createdAt: 1000,
      revokedAt: null,
    })
    expect(stored.hash).toMatch(/^[0-9a-f]{64}$/)
  })

  test('proves itself, and nothing else does', () => {
    const own = parts?.secret ?? ''
    expect(proves(own, stored, secret)).toBe(true)
    expect(proves(own, stored, `${secret}!`)).toBe(false)
    expect(proves(own, { ...stored, id: 'AAAAAAAAAA' }, secret)).toBe(false)
    expect(proves(own, { ...stored, hash: '' }, secret)).toBe(false)
    fc.assert(
      fc.property(fc.nat(26), fc.constantFrom(...Array.from('0aZ')), (at, letter) => {
        fc.pre(own[at] !== letter)
        expect(proves(own.slice(0, at) + letter + own.slice(at + 1), stored, secret)).toBe(false)
      }),
    )
  })
})

test('no two keys are alike, and every character occurs', () => {
  const keys = Array.from({ length: 500 }, () => createKey(request, secret, 0).shown)
  expect(new Set(keys).size).toBe(500)
  expect(new Set(keys.join('').replaceAll('_', '')).size).toBe(62)
})

test('only well-formed keys are read', () => {
  for (const bad of [
    '',
    'bk__',
    'bk_a_b',
    `${createKey(request, secret, 0).shown} `,
    'Bearer x',
    'bk_\u0000_'.padEnd(41, 'a'),
  ])
    expect(parseKey(bad)).toBeNull()
})
