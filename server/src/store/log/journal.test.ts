import fc from 'fast-check'
import { expect, test } from 'vitest'
import { feedbackOf, prediction } from '../../../test/contracts/storeRows.ts'
import { Fault } from '../../domain/faults.ts'
import type { Batch } from './batch.ts'
import type { CommitResult } from './commit.ts'
import { journal } from './journal.ts'

const limits = { queueRowsMax: 1000, commitRowsMax: 100, queueCharsMax: 10_000, commitCharsMax: 1000 }

/** A database that takes its time, and remembers what it was given. */
function slowly(fails: (batch: Batch) => unknown = () => null) {
  const batches: Batch[] = []
  let underWay = 0
  return {
    batches,
    async commit(batch: Batch): Promise<CommitResult> {
      expect(++underWay).toBe(1)
      await new Promise((resolve) => setTimeout(resolve, 2))
      underWay -= 1
      const error = fails(batch)
      if (error !== null) throw error
      batches.push(batch)
      return {
        repeated: [],
        conflicts: [],
        feedback: batch.feedback.label.map((label) => ({
          kind: 'new',
          id: 'x',
          task: 't',
          label,
          correct: true,
          previousLabel: null,
        })),
      }
    },
  }
}

const ids = (batches: readonly Batch[]) => batches.map((batch) => [...batch.predictions.id])

test('what comes during a commit is the next commit', async () => {
  const database = slowly()
  const { appendOne } = journal(database, limits)
  const first = [1, 2, 3].map(() => prediction())
  const later = [1, 2, 3, 4].map(() => prediction())
  const begun = first.map(appendOne)
  await new Promise((resolve) => setTimeout(resolve, 1))
  await Promise.all([...begun, ...later.map(appendOne)])
  expect(ids(database.batches)).toEqual([first.map(({ id }) => id), later.map(({ id }) => id)])
})

test('whatever is called in whatever order: each row is committed once, calls stay whole, and each gets its own answers', async () => {
  const call = fc.record({
    kind: fc.constantFrom('one', 'many', 'feedback'),
    rows: fc.integer({ min: 0, max: 40 }),
    pause: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 30 }), async (calls) => {
      const database = slowly()
      const { appendOne, append, feedback } = journal(database, {
        ...limits,
        queueRowsMax: 10_000,
        commitRowsMax: 25,
        queueCharsMax: 1e6,
        commitCharsMax: 1e6,
      })
      const given: string[][] = []
      const answers: Promise<unknown>[] = []
      for (const { kind, rows, pause } of calls) {
        if (pause) await new Promise((resolve) => setImmediate(resolve))
        const many = Array.from({ length: kind === 'one' ? 1 : rows }, () => prediction())
        if (kind === 'feedback') {
          const items = many.map(({ id }) => feedbackOf('x', { label: id }))
          answers.push(
            feedback(items).then((outcomes) =>
              expect(outcomes.map((outcome) => 'label' in outcome && outcome.label)).toEqual(
                items.map(({ label }) => label),
              ),
            ),
          )
          continue
        }
        given.push(many.map(({ id }) => id))
        answers.push(
          kind === 'one' ? appendOne(many[0]) : append(many).then((each) => expect(each).toHaveLength(many.length)),
        )
      }
      await Promise.all(answers)
      expect(ids(database.batches).flat()).toEqual(given.flat())
      for (const whole of given) {
        if (whole.length > 0)
          expect(ids(database.batches).some((batch) => whole.every((id) => batch.includes(id)))).toBe(true)
      }
    }),
    { numRuns: 50 },
  )
})

test('a call that cannot be committed does not take the others with it', async () => {
  const bad = prediction()
  const database = slowly((batch) => (batch.predictions.id.includes(bad.id) ? new Error('this row') : null))
  const { appendOne } = journal(database, limits)
  const answers = await Promise.allSettled([prediction(), bad, prediction()].map(appendOne))
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('while the database is away every waiting call is told at once, not tried one by one', async () => {
  const tried: number[] = []
  const database = slowly((batch) => {
    tried.push(batch.predictions.id.length)
    return new Fault('store_unavailable', { retryAfterSeconds: 2 })
  })
  const { appendOne } = journal(database, limits)
  const answers = await Promise.allSettled([1, 2, 3].map(() => appendOne(prediction())))
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(tried).toEqual([3])
})

test('the queue has a limit, and room again when its rows are committed', async () => {
  const { append, appendOne, depth } = journal(slowly(), { ...limits, queueRowsMax: 5 })
  expect(depth).toBe(0)
  const five = append(Array.from({ length: 5 }, () => prediction()))
  await expect(appendOne(prediction())).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 })
  await five
  expect(await appendOne(prediction())).toEqual({ kind: 'logged' })
})

test('long texts fill the queue, and a commit, before their number does', async () => {
  const database = slowly()
  const { appendOne } = journal(database, limits)
  const text = 'x'.repeat(900)
  const answers = await Promise.allSettled(Array.from({ length: 12 }, () => appendOne(prediction({ text }))))
  expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(1)
  for (const batch of database.batches) expect(batch.predictions.id.length).toBeLessThanOrEqual(2)
})

test('a row whose size is no number is refused while a commit is under way, and the journal counts on', async () => {
  const database = slowly()
  const { appendOne, feedback } = journal(database, limits)
  const held = appendOne(prediction())
  // As a body would bring it that was not checked.
  const broken = { ...feedbackOf('x'), comment: { length: '' } as unknown as string }
  await expect(feedback([broken])).rejects.toThrow('no number')
  await held
  await expect(appendOne(prediction({ text: 'x'.repeat(70) }))).resolves.toEqual({ kind: 'logged' })
})
