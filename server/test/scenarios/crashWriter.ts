/**
 * The process that crash.test.ts kills: 64 callers log predictions, some in groups, and give feedback as fast as the
 * store takes it; each acknowledgement is written to the pipe the moment it arrives, one line each.
 *
 *   node crashWriter.ts URL|- HOME SEED
 */
import { writeSync } from 'node:fs'
import { Fault } from '../../src/domain/faults.ts'
import { openStore } from '../../src/store/openStore.ts'
import { feedbackOf, labels, prediction } from '../contracts/storeRows.ts'

const [url, home, round] = process.argv.slice(2)
const CALLERS = 64
const GROUP_ROWS = 3

const store = await openStore({ url: url === '-' ? null : url, home, now: Date.now })

async function caller(number: number) {
  for (let i = 0; ; i++) {
    try {
      await step(number, i)
    } catch (error) {
      // Where the database itself is killed, the store says so and works again later.
      if (!(error instanceof Fault && error.code === 'store_unavailable')) throw error
      said('unavailable')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** At once, so that what was said is in the pipe when the process is killed. */
function said(line: string) {
  for (;;) {
    try {
      return void writeSync(1, `${line}\n`)
    } catch (error) {
      // The pipe is full until the test reads on.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
    }
  }
}

async function step(number: number, i: number) {
  const label = labels[(number + i) % labels.length]
  if (i % 8 === 7) {
    const source = `${round}.${number}.${i}`
    const group = Array.from({ length: GROUP_ROWS }, () => prediction({ at: Date.now(), label, source }))
    await store.journal.append(group)
    for (const row of group) said(`prediction ${row.id}`)
    return
  }
  const row = prediction({ at: Date.now(), label, callerId: i % 4 === 0 ? `${round}.${number}.${i}` : null })
  await store.journal.appendOne(row)
  said(`prediction ${row.id}`)
  if (i % 3 !== 0) return
  const truth = labels[(number + 2 * i) % labels.length]
  const [outcome] = await store.journal.feedback([feedbackOf(row.id, { label: truth })])
  if (outcome.kind === 'new') said(`feedback ${row.id} ${truth}`)
}

await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)))
