import '../../../test/contracts/compileCache.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore } from '../openStore.ts'
import { startThread } from './threads.ts'

const connection = {
  path: ':memory:',
  readOnly: false,
  cacheKib: 100,
  busyMs: 100,
  bytesMax: 0,
  autocheckpointPages: 0,
  walKeptBytes: 2 ** 20,
}
const query = (sql: string) => ({ kind: 'query', sql, parameters: [] }) as const

test('questions are answered in order, and one that fails fails alone', async () => {
  const thread = startThread({ connection, statements: null })
  const answers = await Promise.allSettled(
    ['select 1', 'nonsense', 'select 2'].map((sql) => thread.ask(query(sql), 'rows')),
  )
  expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.rows : 'failed'))).toEqual([
    '[[1]]',
    'failed',
    '[[2]]',
  ])
  await thread.close()
  await expect(thread.ask(query('select 1'), 'rows')).rejects.toMatchObject({ origin: 'ThreadEnded' })
})

test('a thread that runs out of memory takes only its own question with it', async () => {
  const thread = startThread({ connection, statements: null }, { young: 2, old: 12 })
  // A hundred thousand rows of 1,000 characters do not fit into the thread's heap.
  const tooMuch = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
    select i || '${'x'.repeat(1000)}' as text from n`
  await expect(thread.ask(query(tooMuch), 'rows')).rejects.toMatchObject({ origin: 'ThreadEnded' })
  expect((await thread.ask(query('select 3'), 'rows')).rows).toBe('[[3]]')
  await thread.close()
}, 60_000)

test('commits wait for the disk again after a step of the index, whether it went well or not', async () => {
  const home = mkdtempSync(join(tmpdir(), 'barometer-threads-'))
  const store = await openStore({ url: null, home, now: Date.now })
  await store.close()
  const places = [join(home, 'barometer.db'), join(home, 'without-tables.db')]
  const outcomes: string[] = []
  for (const path of places) {
    const thread = startThread({ connection: { ...connection, path }, statements: null })
    const step = await thread.ask({ kind: 'index', rowsMax: 10 }, 'indexed').then(
      () => 'indexed',
      () => 'failed',
    )
    const { rows } = await thread.ask(query('pragma synchronous'), 'rows')
    outcomes.push(`${step}, then ${String(rows)}`)
    await thread.close()
  }
  rmSync(home, { recursive: true })
  expect(outcomes).toEqual(['indexed, then [[2]]', 'failed, then [[2]]'])
})
