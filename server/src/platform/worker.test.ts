import * as fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import type { Given, operations } from './fixtures.worker.ts'
import { type StartOptions, startWorker, WorkerEnded, WorkerError, type WorkerThread } from './worker.ts'

type Fixture = WorkerThread<typeof operations>
const open: Fixture[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((thread) => thread.terminate()))
})

function start(given: Given = 'nothing', options: Partial<StartOptions> = {}): Fixture {
  const file = new URL('./fixtures.worker.ts', import.meta.url)
  const thread = startWorker<typeof operations>(file, { name: 'The test thread', workerData: given, ...options })
  open.push(thread)
  return thread
}

const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'it was answered',
    (reason: unknown) => reason,
  )

test('every call gets its own answer, in the order of the calls, whatever is answered at once and what takes its time', async () => {
  const thread = start()
  await thread.ready
  const calls = fc.array(fc.record({ value: fc.integer({ min: -1000, max: 1000 }), ms: fc.constantFrom(-1, 0, 1) }), {
    maxLength: 20,
  })
  await fc.assert(
    fc.asyncProperty(calls, async (asked) => {
      const order: number[] = []
      const answers = await Promise.all(
        asked.map(async (one, i) => {
          const answer = one.ms < 0 ? await thread.call('double', one.value) : await thread.call('late', one)
          order.push(i)
          return answer
        }),
      )
      expect(answers).toEqual(asked.map(({ value, ms }) => (ms < 0 ? value * 2 : value)))
      expect(order).toEqual([...order].sort((a, b) => a - b))
    }),
    { numRuns: 30 },
  )
  expect(thread.waiting).toBe(0)
})

test('a call need not wait until the thread is ready', async () => {
  const thread = start('a late start')
  expect(await thread.call('double', 21)).toBe(42)
})

test.each([
  ['no start', 'The test thread could not start: the model is broken'],
  ['an error at once', 'The test thread has ended: no such file'],
] as const)('a thread that cannot start rejects `ready` and what was asked: %s', async (given, message) => {
  const thread = start(given)
  const asked = reasonOf(thread.call('double', 1))
  await expect(thread.ready).rejects.toThrow(message)
  expect(await asked).toMatchObject({ name: 'WorkerEnded', message })
  await thread.exited
  await expect(thread.call('double', 1)).rejects.toThrow(message)
})

test('a fault at the start is the fault of every call', async () => {
  const thread = start('a fault at the start')
  const fault = { name: 'Fault', code: 'artifact_broken', message: 'A file has changed.' }
  expect(await reasonOf(thread.ready)).toMatchObject(fault)
  expect(await reasonOf(thread.call('double', 1))).toMatchObject(fault)
})

test('an error of an operation is that call’s alone, with its class and its own fields', async () => {
  const thread = start()
  const [failed, answered] = await Promise.all([
    reasonOf(thread.call('fail', 'out of range')),
    thread.call('double', 2),
  ])
  expect(failed).toBeInstanceOf(WorkerError)
  expect(failed).toMatchObject({ message: 'out of range', origin: 'RangeError', fields: { errcode: 13 } })
  expect((failed as Error).stack).toContain('fixtures.worker.ts')
  expect(answered).toBe(4)
})

test('a fault of an operation stays a fault', async () => {
  expect(await reasonOf(start().call('fault', undefined))).toMatchObject({
    name: 'Fault',
    code: 'queue_full',
    status: 429,
    message: 'There is no room.',
    retryAfterSeconds: 3,
  })
})

test('what cannot be sent rejects its own call, either way, and the thread goes on', async () => {
  const thread = start()
  const argument = (() => 1) as never // what no type allows
  expect(await reasonOf(thread.call('double', argument))).toMatchObject({ name: 'DataCloneError' })
  expect(await reasonOf(thread.call('uncloneable', undefined))).toMatchObject({ origin: 'DOMException' })
  expect(await thread.call('double', 3)).toBe(6)
  expect(thread.waiting).toBe(0)
})

test('memory is handed over on request: the answer’s by the thread, the argument’s by the caller', async () => {
  const thread = start()
  const { bytes } = await thread.call('bytes', 1000)
  expect(bytes).toEqual(new Uint8Array(1000).fill(7))
  const buffer = new ArrayBuffer(8)
  await reasonOf(thread.call('double', buffer as never, { transfer: [buffer] }))
  expect(buffer.byteLength).toBe(0)
})

test.each([
  ['an error that nothing catches', (thread: Fixture) => thread.call('crash', undefined), /has ended: out of luck$/],
  ['an exit code', (thread: Fixture) => thread.call('exit', 3), /has ended with exit code 3\.$/],
])('a thread that ends by %s rejects all that wait, and all that come after, with the reason', async (_, kill, why) => {
  const thread = start()
  const reasons = await Promise.all([kill(thread), thread.call('double', 1), thread.call('double', 2)].map(reasonOf))
  for (const reason of reasons) {
    expect(reason).toBeInstanceOf(WorkerEnded)
    expect((reason as Error).message).toMatch(why)
  }
  expect(thread.waiting).toBe(0)
  expect((await thread.exited).message).toMatch(why)
  expect(thread.ended?.message).toMatch(why)
  await expect(thread.call('double', 1)).rejects.toThrow(why)
})

test('a thread that runs out of the memory that it may have ends alone', async () => {
  const thread = start('nothing', { resourceLimits: { maxOldGenerationSizeMb: 16 } })
  await expect(thread.call('exhaust', undefined)).rejects.toThrow(/has ended: .*memory/)
})

test('a call that takes longer than its deadline is a timeout; the thread is told, and goes on', async () => {
  const thread = start()
  await thread.ready
  const reason = await reasonOf(thread.call('patient', 60_000, { deadlineMs: 30 }))
  expect(reason).toMatchObject({ code: 'timeout', message: 'The test thread took too long.' })
  expect(await thread.call('cancelled', undefined)).toBe(1)
})

test('a caller who leaves gets the reason that it gave; a call that waits in the thread is not begun', async () => {
  const thread = start()
  const [first, second] = [new AbortController(), new AbortController()]
  const running = reasonOf(thread.call('patient', 60_000, { signal: first.signal }))
  const waiting = reasonOf(thread.call('patient', 60_000, { signal: second.signal }))
  second.abort('not needed')
  expect(await waiting).toBe('not needed')
  first.abort('gone')
  expect(await running).toBe('gone')
  // The second was never begun, so it did not see that it was cancelled.
  expect(await thread.call('cancelled', undefined)).toBe(1)
  expect(await reasonOf(thread.call('double', 1, { signal: first.signal }))).toBe('gone')
})

test('`close` ends the thread after what was asked before', async () => {
  const thread = start()
  const asked = thread.call('late', { value: 5, ms: 20 })
  const closed = thread.close()
  expect(await asked).toBe(5)
  await closed
  await expect(thread.call('double', 1)).rejects.toThrow('The test thread has ended.')
  await thread.close()
})

test('`terminate` ends it within what it does', async () => {
  const thread = start()
  const asked = reasonOf(thread.call('patient', 60_000))
  await thread.terminate()
  expect(await asked).toMatchObject({ name: 'WorkerEnded', message: 'The test thread was ended.' })
})
