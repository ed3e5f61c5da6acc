import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { arrive, emptyLog, fill, hold, label, merge, ROWS_MAX, release } from './liveLog.ts'
import type { Row } from './row.ts'

const row = (n: number): Row => ({
  id: `id-${String(n).padStart(6, '0')}`,
  at: new Date(1_700_000_000_000 + Math.floor(n / 3) * 10).toISOString(),
  task: 'sentiment',
  model: 'sentiment',
  version: 1,
  label: 'positive',
  confidence: 0.9,
  latency_ms: 0.3,
  drift: false,
  source: null,
  text: `text ${n}`,
  feedback: null,
})

const batches = fc.array(fc.array(fc.nat(2000), { maxLength: 40 }), { maxLength: 40 })
const ids = (rows: readonly Row[]) => rows.map((r) => r.id)

describe('the live log', () => {
  test('holds the newest predictions once each, newest first, whatever order they come in', () => {
    fc.assert(
      fc.property(batches, (numbers) => {
        const log = numbers.reduce((l, batch) => arrive(l, batch.map(row)), emptyLog)
        const expected = [...new Set(numbers.flat())].sort((a, b) => b - a).slice(0, ROWS_MAX)
        expect(ids(log.rows)).toEqual(expected.map((n) => row(n).id))
      }),
    )
  })

  test('while held, nothing that is shown moves, and the count says how many wait', () => {
    fc.assert(
      fc.property(batches, batches, (before, after) => {
        const shown = before.reduce((l, batch) => arrive(l, batch.map(row)), emptyLog)
        const held = after.reduce((l, batch) => arrive(l, batch.map(row)), hold(shown))
        expect(held.rows).toBe(shown.rows)
        const seen = new Set(before.flat())
        expect(held.waitingCount).toBe(new Set(after.flat().filter((n) => !seen.has(n))).size)
      }),
    )
  })

  test('released, it is what it would have been without the hold', () => {
    fc.assert(
      fc.property(batches, batches, (before, after) => {
        const flow = [...before, ...after].reduce((l, batch) => arrive(l, batch.map(row)), emptyLog)
        const shown = before.reduce((l, batch) => arrive(l, batch.map(row)), emptyLog)
        const let_go = release(after.reduce((l, batch) => arrive(l, batch.map(row)), hold(shown)))
        expect(ids(let_go.rows)).toEqual(ids(flow.rows))
        expect(let_go).toMatchObject({ held: false, waitingCount: 0 })
      }),
    )
  })

  test('a page of the log shows at once, even while held, and pushes nothing that is shown', () => {
    fc.assert(
      fc.property(batches, fc.array(fc.nat(2000), { maxLength: 100 }), (before, page) => {
        const shown = hold(before.reduce((l, batch) => arrive(l, batch.map(row)), emptyLog))
        const filled = fill(shown, page.map(row))
        expect(ids(filled.rows).slice(0, shown.rows.length)).toEqual(ids(shown.rows))
        if (shown.rows.length === 0) expect(filled.rows).toHaveLength(new Set(page).size)
        const flow = arrive(arrive(emptyLog, shown.rows), page.map(row))
        expect(ids(release(filled).rows)).toEqual(ids(flow.rows))
      }),
    )
  })

  test('what waited and is found in the log as well waits no more', () => {
    const held = arrive(hold(emptyLog), [row(5)])
    expect(fill(held, [row(5), row(4)])).toMatchObject({ waiting: [], waitingCount: 0 })
  })

  test('never holds more than its limit, waiting ones apart', () => {
    const many = Array.from({ length: 3 * ROWS_MAX }, (_, n) => row(n))
    expect(arrive(emptyLog, many).rows).toHaveLength(ROWS_MAX)
    const held = arrive(hold(emptyLog), many)
    expect(held.waiting).toHaveLength(ROWS_MAX)
    expect(held.waitingCount).toBe(3 * ROWS_MAX)
  })

  test('feedback reaches a row wherever it stands, and a second copy of the row does not erase it', () => {
    const log = arrive(hold(arrive(emptyLog, [row(1)])), [row(9)])
    const marked = [1, 9].reduce(
      (l, n) => label(l, { prediction_id: row(n).id, label: 'neutral', correct: false }),
      log,
    )
    expect([...marked.rows, ...marked.waiting].map((r) => r.feedback?.label)).toEqual(['neutral', 'neutral'])
    expect(merge(marked.rows, [row(1)])[0].feedback?.label).toBe('neutral')
  })
})
