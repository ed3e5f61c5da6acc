import '../../../test/contracts/compileCache.ts'
import { expect, test } from 'vitest'
import { startThread } from './threads.ts'

const connection = {
  path: ':memory:',
  readOnly: false,
  cacheKib: 100,
  busyMs: 100,
  bytesMax: 0,
  autocheckpointPages: 0,
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
