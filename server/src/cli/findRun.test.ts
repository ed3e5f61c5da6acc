import { expect, test } from 'vitest'
import type { TrainingRun } from '../domain/trainingRun.ts'
import { findRun } from './findRun.ts'

const ids = [
  '01990f3a-0000-7000-8000-000000000001',
  '01990f3a-0000-7000-8000-0000000000ff',
  '01a1fc5b-0000-7000-8000-2',
]
const runs = {
  get: async (id: string) => (ids.includes(id) ? run(id) : null),
  page: async () => ids.map(run),
}

/** Only the id of a run is read here. */
function run(id: string): TrainingRun {
  return { id } as TrainingRun
}

test('a run is found by its id, by the beginning of it, and as lists cut it', async () => {
  expect((await findRun(runs, ids[2])).id).toBe(ids[2])
  expect((await findRun(runs, '01A1')).id).toBe(ids[2])
  expect((await findRun(runs, '01a1fc5b-…')).id).toBe(ids[2])
})

test('an ambiguous beginning names the runs, a wrong or too short one is unknown', async () => {
  await expect(findRun(runs, '01990f3a')).rejects.toThrow(/2 runs begin with 01990f3a: 01990f3a-.*1, 01990f3a-.*ff/)
  await expect(findRun(runs, '0200')).rejects.toMatchObject({ code: 'run_unknown' })
  await expect(findRun(runs, '01a')).rejects.toMatchObject({ code: 'run_unknown' })
  await expect(findRun(runs, '')).rejects.toMatchObject({ code: 'run_unknown' })
})
