import { expect, test } from 'vitest'
import { Fault } from '../domain/faults.ts'
import { failures } from './failures.ts'

function observed() {
  const lines: { level: string; facts: object; message: string }[] = []
  const say = (level: string) => (facts: object, message: string) => void lines.push({ level, facts, message })
  const clock = { ms: 0 }
  const of = failures({ info: say('info'), warn: say('warn'), error: say('error') }, () => clock.ms)
  return { of, lines, clock }
}

const full = () =>
  new Fault('store_unavailable', { cause: Object.assign(new Error('database or disk is full'), { code: 13 }) })

test('a failure is said at once, one that goes on every ten seconds, and its end', () => {
  const { of, lines, clock } = observed()
  for (let ms = 0; ms < 25_000; ms += 100) {
    clock.ms = ms
    of.note(full(), 'a commit')
  }
  of.committed()
  expect(lines.map((line) => [line.level, line.facts])).toEqual([
    ['error', { code: 'store_unavailable', doing: 'a commit', why: 'database or disk is full', reason: 13 }],
    ['error', expect.objectContaining({ unsaid: 99 })],
    ['error', expect.objectContaining({ unsaid: 99 })],
    ['info', { failures: 250, seconds: 25 }],
  ])
  expect(of.counts).toEqual({ store_unavailable: 250, store_unusable: 0 })
})

test('a failure holds until a commit succeeds, or for half a minute; damage holds for good', () => {
  const { of, clock } = observed()
  of.note(full(), 'a commit')
  expect(of.present()?.code).toBe('store_unavailable')
  clock.ms = 31_000
  expect(of.present()).toBeNull()
  of.note(full(), 'a query')
  expect(of.present()).toBeNull()
  of.note(new Fault('store_unusable'), 'a commit')
  of.committed()
  expect([of.present()?.code, of.damaged]).toEqual(['store_unusable', true])
})

test('what is no failure of the database is given back and not noted, and no value of a row reaches the log', () => {
  const { of, lines } = observed()
  const conflict = new Fault('id_conflict')
  expect(of.note(conflict, 'a commit')).toBe(conflict)
  expect(lines).toEqual([])
  of.note(
    new Fault('store_unavailable', {
      cause: Object.assign(new Error('deadlock'), { detail: 'Key (caller_id)=(secret)' }),
    }),
    'a commit',
  )
  expect(JSON.stringify(lines)).not.toContain('secret')
})
