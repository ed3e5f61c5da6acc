import { describe, expect, test } from 'vitest'
import { createJudge, type Judged } from './judge.ts'

/** A judge on a clock that the test moves. */
function bench() {
  const sent: [Judged, boolean][] = []
  let timers: { at: number; act: () => void }[] = []
  let now = 0
  const judge = createJudge({
    graceMs: 100,
    send: (judged, closing) => sent.push([judged, closing]),
    changed: () => undefined,
    after: (ms, act) => {
      const timer = { at: now + ms, act }
      timers.push(timer)
      return () => {
        timers = timers.filter((t) => t !== timer)
      }
    },
  })
  const pass = (ms: number) => {
    now += ms
    const due = timers.filter((t) => t.at <= now)
    timers = timers.filter((t) => t.at > now)
    for (const timer of due) timer.act()
  }
  return { judge, sent, pass, labels: () => sent.map(([judged]) => judged.label) }
}

const given = (id: string, label: string, before: string | null = null): Judged => ({ id, label, before })

describe('feedback by key', () => {
  test('is sent once its time to think again is over, and not before', () => {
    const { judge, pass, labels } = bench()
    judge.give(given('a', 'negative'))
    pass(99)
    expect(labels()).toEqual([])
    expect([...judge.pending()]).toEqual([['a', 'negative']])
    pass(1)
    expect(labels()).toEqual(['negative'])
    expect(judge.pending().size).toBe(0)
  })

  test('taken back in time was never given', () => {
    const { judge, pass, sent } = bench()
    judge.give(given('a', 'negative'))
    expect(judge.undo().kind).toBe('cancelled')
    pass(1000)
    expect(sent).toEqual([])
    expect(judge.undo().kind).toBe('nothing')
  })

  test('taken back later restores the label that stood before', () => {
    const { judge, pass, labels } = bench()
    judge.give(given('a', 'negative', 'neutral'))
    pass(100)
    expect(judge.undo().kind).toBe('restored')
    expect(labels()).toEqual(['negative', 'neutral'])
  })

  test('a first label that was sent cannot be made unsaid, and nothing false is sent instead', () => {
    const { judge, pass, labels } = bench()
    judge.give(given('a', 'negative'))
    pass(100)
    expect(judge.undo().kind).toBe('first')
    expect(labels()).toEqual(['negative'])
  })

  test('a second thought within the time replaces the first, and one step takes both back', () => {
    const { judge, pass, labels } = bench()
    judge.give(given('a', 'negative'))
    pass(50)
    judge.give(given('a', 'positive'))
    pass(60)
    expect(labels()).toEqual([])
    pass(40)
    expect(labels()).toEqual(['positive'])
  })

  test('rows wait on their own, the latest is taken back first', () => {
    const { judge, pass, labels } = bench()
    judge.give(given('a', 'negative'))
    judge.give(given('b', 'positive'))
    expect(judge.undo()).toMatchObject({ kind: 'cancelled', judged: { id: 'b' } })
    pass(100)
    expect(labels()).toEqual(['negative'])
  })

  test('a page that closes sends what waits', () => {
    const { judge, sent } = bench()
    judge.give(given('a', 'negative'))
    judge.give(given('b', 'positive'))
    judge.flush()
    expect(sent.map(([judged, closing]) => [judged.id, closing])).toEqual([
      ['a', true],
      ['b', true],
    ])
  })
})
