/** Training runs, their curves and their trials. */
import type { Transaction } from 'kysely'
import { Fault } from '../../domain/faults.ts'
import type { Millis } from '../../domain/time.ts'
import {
  curveStride,
  isOver,
  type TrainingAsked,
  type TrainingEvaluated,
  type TrainingEvent,
  type TrainingPoint,
  type TrainingRun,
  type TrainingTrial,
} from '../../domain/trainingRun.ts'
import type { Database } from '../database.ts'
import type { TrainingEntry, TrainingPlace, TrainingRuns, TrainingWorker } from '../store.ts'
import type { Tables, TrainingRunsTable } from '../tables.ts'

/** Runs that wait, at most. */
const WAITING_MAX = 100
/** Runs that are kept; of those that are over, the oldest go first. */
const RUNS_MAX = 1000

export function trainingRuns({ read, write, can }: Database): TrainingRuns {
  /** One change at a time, so that what it was decided on still holds when it is written. */
  const change = <T>(work: (trx: Transaction<Tables>) => Promise<T>) =>
    write.transaction().execute(async (trx) => {
      await can.exclusive(trx)
      return await work(trx)
    })

  return {
    create: (run) => change((trx) => create(trx, run)),
    async get(id) {
      const row = await read.selectFrom('training_runs').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? null : toRun(row)
    },
    async page({ model, state }, limit, before) {
      let query = read.selectFrom('training_runs').selectAll().orderBy('id', 'desc').limit(limit)
      if (model !== undefined) query = query.where('model', '=', model)
      if (state !== undefined) query = query.where('state', '=', state)
      if (before !== null) query = query.where('id', '<', before)
      return (await query.execute()).map(toRun)
    },
    claim: (id, by) => change((trx) => claim(trx, id, by)),
    async anyUnattended() {
      const row = await read
        .selectFrom('training_runs')
        .select('id')
        .where('state', 'in', ['queued', 'interrupted', 'running'])
        .where('unattended', '=', 1)
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },
    nextUnattended: async (by, attemptsMax) => {
      const row = await read
        .selectFrom('training_runs')
        .selectAll()
        .where((is) =>
          is.or([
            is('state', 'in', ['queued', 'interrupted']),
            is.and([is('state', '=', 'running'), is('heartbeat_at', '<', by.deadBefore)]),
          ]),
        )
        .where('unattended', '=', 1)
        .where('attempts', '<', attemptsMax)
        .orderBy('id')
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? null : toRun(row)
    },
    append: (id, by, entries) => change((trx) => append(trx, id, by, entries)),
    end: async (id, { worker, at }, { state, result, fault }) => {
      const { numUpdatedRows } = await write
        .updateTable('training_runs')
        .set({
          state,
          worker: null,
          ended_at: at,
          heartbeat_at: at,
          result_model: result?.model ?? null,
          result_version: result?.version ?? null,
          fault: fault === null ? null : JSON.stringify(fault),
        })
        .where('id', '=', id)
        .where('worker', '=', worker)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    cancel: (id, at) => change((trx) => cancel(trx, id, at)),
    async events(id, afterSeq, limit) {
      const rows = await read
        .selectFrom('training_events')
        .select(['seq', 'at', 'event'])
        .where('run_id', '=', id)
        .where('seq', '>', afterSeq)
        .orderBy('seq')
        .limit(limit)
        .execute()
      return rows.map(({ seq, at, event }) => ({ seq, at, event: JSON.parse(event) as TrainingEvent })) // as it was written
    },
    async trials(id) {
      const rows = await read
        .selectFrom('training_trials')
        .select('trial')
        .where('run_id', '=', id)
        .orderBy('number')
        .execute()
      return rows.map(({ trial }) => JSON.parse(trial) as TrainingTrial) // as it was written
    },
  }
}

async function create(trx: Transaction<Tables>, run: Parameters<TrainingRuns['create']>[0]): Promise<TrainingRun> {
  const { waiting } = await trx
    .selectFrom('training_runs')
    .select((is) => is.fn.countAll<number>().as('waiting'))
    .where('state', 'in', ['queued', 'interrupted'])
    .where('unattended', '=', 1)
    .executeTakeFirstOrThrow()
  if (run.unattended && waiting >= WAITING_MAX)
    throw new Fault('overloaded', { say: `${WAITING_MAX} training runs wait already.`, retryAfterSeconds: 60 })
  await forgetOldest(trx)
  const row = await trx
    .insertInto('training_runs')
    .values({
      id: run.id,
      model: run.asked.model,
      task: run.asked.task,
      recipe: run.asked.recipe,
      asked: JSON.stringify(run.asked),
      state: 'queued',
      who: run.who,
      created_at: run.createdAt,
      attempts: 0,
      cancel_asked: 0,
      unattended: run.unattended ? 1 : 0,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return toRun(row)
}

async function forgetOldest(trx: Transaction<Tables>): Promise<void> {
  const rows = await trx
    .selectFrom('training_runs')
    .select('id')
    .where('state', 'in', ['succeeded', 'failed', 'cancelled'])
    .orderBy('id', 'desc')
    .offset(RUNS_MAX - 1)
    .limit(RUNS_MAX)
    .execute()
  const ids = rows.map(({ id }) => id)
  if (ids.length === 0) return
  await trx.deleteFrom('training_events').where('run_id', 'in', ids).execute()
  await trx.deleteFrom('training_trials').where('run_id', 'in', ids).execute()
  await trx.deleteFrom('training_runs').where('id', 'in', ids).execute()
}

async function claim(
  trx: Transaction<Tables>,
  id: string,
  { worker, at, deadBefore }: TrainingWorker,
): ReturnType<TrainingRuns['claim']> {
  await trx
    .updateTable('training_runs')
    .set({ state: 'interrupted', worker: null, ended_at: at })
    .where('state', '=', 'running')
    .where('heartbeat_at', '<', deadBefore)
    .execute()
  const row = await rowOf(trx, id)
  if (row.state !== 'queued' && row.state !== 'interrupted') return { kind: 'not-waiting', run: toRun(row) }
  const busy = await trx
    .selectFrom('training_runs')
    .selectAll()
    .where('state', '=', 'running')
    .limit(1)
    .executeTakeFirst()
  if (busy !== undefined) return { kind: 'busy', run: toRun(busy) }
  const taken = await trx
    .updateTable('training_runs')
    .set({
      state: 'running',
      worker,
      started_at: row.started_at ?? at,
      ended_at: null,
      heartbeat_at: at,
      attempts: row.attempts + 1,
      cancel_asked: 0,
      fault: null,
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  return { kind: 'taken', run: toRun(taken), place: await placeOf(trx, id) }
}

async function placeOf(trx: Transaction<Tables>, id: string): Promise<TrainingPlace> {
  const { seq, point } = await trx
    .selectFrom('training_events')
    .select((is) => [is.fn.max('seq').as('seq'), is.fn.max('point').as('point')])
    .where('run_id', '=', id)
    .executeTakeFirstOrThrow()
  return { seq: seq ?? 0, points: (point ?? -1) + 1 }
}

async function append(
  trx: Transaction<Tables>,
  id: string,
  { worker, at }: Pick<TrainingWorker, 'worker' | 'at'>,
  entries: readonly TrainingEntry[],
): ReturnType<TrainingRuns['append']> {
  const row = await rowOf(trx, id)
  if (row.worker !== worker) return { cancelAsked: false, lost: true }
  const points = Math.max(0, ...entries.map((entry) => (entry.point ?? -1) + 1))
  const stride = curveStride(points)
  const kept = entries.filter(({ point }) => point === null || point % stride === 0)
  if (kept.length > 0) {
    await trx
      .insertInto('training_events')
      .values(kept.map(({ seq, at, point, event }) => ({ run_id: id, seq, at, point, event: JSON.stringify(event) })))
      .onConflict((conflict) => conflict.columns(['run_id', 'seq']).doNothing())
      .execute()
  }
  if (stride > 1) {
    await trx
      .deleteFrom('training_events')
      .where('run_id', '=', id)
      .where((is) => is(is('point', '%', stride), '<>', 0))
      .execute()
  }
  const trials = new Map(entries.flatMap(({ event }) => (event.kind === 'trial' ? [[event.number, event]] : [])))
  for (const [number, trial] of trials) {
    await trx
      .insertInto('training_trials')
      .values({ run_id: id, number, trial: JSON.stringify(trial) })
      .onConflict((conflict) => conflict.columns(['run_id', 'number']).doUpdateSet({ trial: JSON.stringify(trial) }))
      .execute()
  }
  const point = newest(entries, 'point')
  const evaluated = newest(entries, 'evaluated')
  await trx
    .updateTable('training_runs')
    .set({
      heartbeat_at: at,
      ...(point === null ? {} : { point: JSON.stringify(point) }),
      ...(evaluated === null ? {} : { evaluated: JSON.stringify(evaluated) }),
    })
    .where('id', '=', id)
    .execute()
  return { cancelAsked: row.cancel_asked === 1, lost: false }
}

function newest(entries: readonly TrainingEntry[], kind: TrainingEvent['kind']): TrainingEvent | null {
  return entries.findLast(({ event }) => event.kind === kind)?.event ?? null
}

async function cancel(trx: Transaction<Tables>, id: string, at: Millis): Promise<TrainingRun> {
  const row = await rowOf(trx, id)
  if (isOver(row.state)) throw new Fault('run_over', { say: `The training run has ${words[row.state]} already.` })
  const changed = await trx
    .updateTable('training_runs')
    .set(row.state === 'running' ? { cancel_asked: 1 } : { state: 'cancelled', cancel_asked: 1, ended_at: at })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  return toRun(changed)
}

const words: Readonly<Record<TrainingRun['state'], string>> = {
  queued: 'been queued',
  running: 'started',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'been cancelled',
  interrupted: 'been interrupted',
}

async function rowOf(trx: Transaction<Tables>, id: string): Promise<TrainingRunsTable> {
  const row = await trx.selectFrom('training_runs').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Fault('run_unknown')
  return row
}

function toRun(row: TrainingRunsTable): TrainingRun {
  const { result_model: model, result_version: version } = row
  return {
    id: row.id,
    asked: JSON.parse(row.asked) as TrainingAsked, // what `create` was given
    state: row.state,
    who: row.who,
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    heartbeatAt: row.heartbeat_at,
    attempts: row.attempts,
    cancelAsked: row.cancel_asked === 1,
    unattended: row.unattended === 1,
    result: model === null || version === null ? null : { model, version },
    // The three columns hold what this file wrote into them.
    fault: parsed(row.fault) as TrainingRun['fault'],
    point: parsed(row.point) as TrainingPoint | null,
    evaluated: parsed(row.evaluated) as TrainingEvaluated | null,
  }
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json)
}
