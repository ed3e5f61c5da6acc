import { describe, expect, test } from 'vitest'
import type { Scope } from '../../domain/apiKey.ts'
import { fakeKeys } from './fakeKeys.ts'
import { allows, Keyring } from './keyring.ts'
import { createKey } from './keys.ts'

const secret = 'a server secret of some thirty-two characters'

async function ringWith(scopes: readonly Scope[], limits: { ratePerMinute?: number; expiresAt?: number } = {}) {
  const keys = fakeKeys()
  const clock = { at: 1_000_000 }
  const { shown, stored } = createKey(
    { name: 'one', scopes, ratePerMinute: limits.ratePerMinute ?? null, expiresAt: limits.expiresAt ?? null },
    secret,
    clock.at,
  )
  await keys.create(stored)
  const ring = new Keyring(keys, secret, () => clock.at)
  await ring.refresh()
  return { keys, clock, ring, shown, stored }
}

test('scopes are exact, but admin includes read', async () => {
  const table: readonly [Scope, readonly Scope[]][] = [
    ['predict', ['predict']],
    ['read', ['read']],
    ['admin', ['read', 'admin']],
  ]
  for (const [has, may] of table) {
    const { ring, shown, clock } = await ringWith([has])
    const caller = ring.identify(shown, clock.at)
    for (const scope of ['predict', 'read', 'admin'] as const)
      expect(caller && allows(caller, scope)).toBe(may.includes(scope))
  }
})

test('a known key is read from memory, however often it comes', async () => {
  const { ring, keys, shown, clock } = await ringWith(['predict'])
  for (let i = 0; i < 1000; i++) expect(ring.identify(shown, clock.at)?.name).toBe('one')
  expect(keys.reads).toBe(1)
})

describe('a revoked key', () => {
  test('stops within five seconds under steady traffic, without a request that waits', async () => {
    const { ring, keys, shown, stored, clock } = await ringWith(['predict'])
    await keys.revoke(stored.id, clock.at)
    let stoppedAfter = Infinity
    for (let ms = 0; ms <= 6000 && stoppedAfter === Infinity; ms += 100) {
      clock.at = 1_000_000 + ms
      expect(ring.fresh(clock.at)).toBe(true)
      if (ring.identify(shown, clock.at) === null) stoppedAfter = ms
      await new Promise(setImmediate)
    }
    expect(stoppedAfter).toBeLessThanOrEqual(5000)
  })

  test('stops within five seconds when nobody called meanwhile: then the keys must be read first', async () => {
    const { ring, keys, shown, stored, clock } = await ringWith(['predict'])
    await keys.revoke(stored.id, clock.at)
    clock.at += 5001
    expect(ring.fresh(clock.at)).toBe(false)
    await ring.refresh()
    expect(ring.identify(shown, clock.at)).toBeNull()
  })
})

test('an expired key stops to the millisecond', async () => {
  const { ring, shown } = await ringWith(['predict'], { expiresAt: 1_000_500 })
  expect(ring.identify(shown, 1_000_499)).not.toBeNull()
  expect(ring.identify(shown, 1_000_500)).toBeNull()
})

test('a key made just now is asked for again, but a flood of unknown keys reads them at most four times a second', async () => {
  const { ring, keys, clock } = await ringWith(['predict'])
  const fresh = createKey({ name: 'two', scopes: ['read'], ratePerMinute: null, expiresAt: null }, secret, clock.at)
  await keys.create(fresh.stored)
  expect(ring.identify(fresh.shown, clock.at)).toBeNull()
  clock.at += 250
  expect(ring.identify(fresh.shown, clock.at)).toBeUndefined()
  await ring.refresh()
  expect(ring.identify(fresh.shown, clock.at)?.name).toBe('two')
  for (let ms = 0; ms < 1000; ms++) {
    clock.at++
    const unknown = createKey({ name: 'x', scopes: ['read'], ratePerMinute: null, expiresAt: null }, secret, 0).shown
    if (ring.identify(unknown, clock.at) === undefined) await ring.refresh()
  }
  expect(keys.reads).toBeLessThanOrEqual(2 + 4)
})

test('a malformed key, a wrong secret and a key of another server identify no caller', async () => {
  const { ring, shown, stored, clock } = await ringWith(['predict'])
  const foreign = createKey({ name: 'x', scopes: ['admin'], ratePerMinute: null, expiresAt: null }, `${secret}?`, 0)
  const wrong = `${shown.slice(0, -1)}${shown.endsWith('a') ? 'b' : 'a'}`
  for (const bad of ['', 'nonsense', wrong, `bk_${stored.id}_${foreign.shown.slice(-27)}`])
    expect(ring.identify(bad, clock.at)).toBeNull()
  await ring.refresh()
  expect(ring.identify(foreign.shown, clock.at)).toBeNull()
})

test('a lost store: the keys serve until they are too old, are asked for sparingly, and come back by themselves', async () => {
  const { ring, keys, shown, clock } = await ringWith(['predict'])
  keys.lost = true
  for (let ms = 0; ms <= 5000; ms += 10) {
    clock.at = 1_000_000 + ms
    expect(ring.fresh(clock.at)).toBe(true)
    expect(ring.identify(shown, clock.at)).not.toBeNull()
    await new Promise(setImmediate)
  }
  expect(keys.reads).toBeLessThanOrEqual(1 + 3000 / 250 + 1)
  clock.at += 1
  expect(ring.fresh(clock.at)).toBe(false)
  await expect(ring.refresh()).rejects.toMatchObject({ code: 'store_unavailable' })
  keys.lost = false
  await ring.refresh()
  expect(ring.fresh(clock.at)).toBe(true)
})

test('only a ring that never had a key is empty', async () => {
  const { ring, keys, stored, clock } = await ringWith(['predict'])
  await keys.revoke(stored.id, clock.at)
  await ring.refresh()
  expect(ring.empty).toBe(false)
  const none = new Keyring(fakeKeys(), secret, () => 0)
  await none.refresh()
  expect(none.empty).toBe(true)
})

test('a key keeps its used-up rate over a new reading of the keys', async () => {
  const { ring, shown, clock } = await ringWith(['predict'], { ratePerMinute: 3 })
  const take = () => ring.identify(shown, clock.at)?.rate?.take(clock.at)
  expect([take(), take(), take(), take()]).toEqual([true, true, true, false])
  await ring.refresh()
  expect(take()).toBe(false)
})
