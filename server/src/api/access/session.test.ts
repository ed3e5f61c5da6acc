import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { SESSION_SECONDS, Sessions } from './session.ts'

const secret = 'a server secret of some thirty-two characters'
const noon = 1_780_000_000_000

test('a session lasts twelve hours, and not a millisecond longer', () => {
  const sessions = new Sessions(secret)
  const { cookie, session } = sessions.begin('abc', noon)
  const end = noon + SESSION_SECONDS * 1000
  expect(SESSION_SECONDS).toBe(12 * 3600)
  for (const reader of [sessions, new Sessions(secret)]) {
    expect(reader.read(cookie, end - 1)).toEqual(session)
    expect(reader.read(cookie, end)).toBeNull()
  }
})

test('a cookie that was changed anywhere, or made under another secret, is none', () => {
  const { cookie } = new Sessions(secret).begin('abc', noon)
  expect(new Sessions(`${secret}!`).read(cookie, noon)).toBeNull()
  fc.assert(
    fc.property(fc.nat(cookie.length - 1), fc.constantFrom(...Array.from('0aZ.-')), (at, letter) => {
      fc.pre(cookie[at] !== letter)
      // A fresh reader, so that nothing is remembered. The last character of 256 bits in base64url has two spare bits.
      const changed = cookie.slice(0, at) + letter + cookie.slice(at + 1)
      expect(new Sessions(secret).read(changed, noon)).toBeNull()
    }),
  )
  fc.assert(
    fc.property(fc.string(), (any) => {
      expect(new Sessions(secret).read(any, noon)).toBeNull()
    }),
  )
})

test('a token belongs to one session', () => {
  const sessions = new Sessions(secret)
  const [one, two] = [sessions.begin('abc', noon).session, sessions.begin('abc', noon).session]
  expect(sessions.isToken(one, one.csrf)).toBe(true)
  expect(sessions.isToken(one, two.csrf)).toBe(false)
  expect(sessions.isToken(one, '')).toBe(false)
})

test('a signed-out session is over at once, and its neighbours go on', () => {
  const sessions = new Sessions(secret)
  const [one, two] = [sessions.begin('abc', noon), sessions.begin('abc', noon)]
  sessions.read(one.cookie, noon)
  sessions.end(one.cookie, noon)
  expect(sessions.read(one.cookie, noon)).toBeNull()
  expect(sessions.read(two.cookie, noon)).not.toBeNull()
})
