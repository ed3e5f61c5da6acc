/** Versions, their stages and every change of stage. */
import type { Transaction } from 'kysely'
import { Fault } from '../../domain/faults.ts'
import type { Manifest, Stage, StageEvent, Version } from '../../domain/version.ts'
import type { Database } from '../database.ts'
import type { Registry } from '../store.ts'
import type { Tables, VersionsTable } from '../tables.ts'

type Change = Parameters<Registry['promote']>[0]

export function registry({ read, write, can }: Database): Registry {
  /** One change at a time, so that what it was decided on still holds when it is written. */
  const change = <T>(work: (trx: Transaction<Tables>) => Promise<T>) =>
    write.transaction().execute(async (trx) => {
      await can.exclusive(trx)
      return await work(trx)
    })
  const find = (model: string, version: number) =>
    read.selectFrom('versions').selectAll().where('model', '=', model).where('version', '=', version).executeTakeFirst()

  return {
    async models() {
      const rows = await read.selectFrom('versions').selectAll().orderBy('model').orderBy('version').execute()
      return rows.map(toVersion)
    },
    async get(model, version) {
      const row = await find(model, version)
      return row === undefined ? null : toVersion(row)
    },
    async findByDigest(digest) {
      const row = await read.selectFrom('versions').selectAll().where('digest', '=', digest).executeTakeFirst()
      return row === undefined ? null : toVersion(row)
    },
    register: (entry) => change((trx) => register(trx, entry)),
    promote: (wanted) => change((trx) => promote(trx, wanted)),
    archive: (wanted) => change((trx) => archive(trx, wanted)),
    rollBack: (wanted) => change((trx) => rollBack(trx, wanted)),
    async events({ model, afterSeq, limit }) {
      let query = eventRows(read).orderBy('seq').limit(limit)
      if (model !== undefined) query = query.where('model', '=', model)
      if (afterSeq !== undefined) query = query.where('seq', '>', afterSeq)
      return await query.execute()
    },
    async head() {
      const { seq } = await read
        .selectFrom('stage_events')
        .select((is) => is.fn.max('seq').as('seq'))
        .executeTakeFirstOrThrow()
      return seq ?? 0
    },
    async *files(digest) {
      const of = read.selectFrom('artifact_files').where('digest', '=', digest)
      const names = await of.select('name').execute()
      // Sorted here: a database sorts by its own alphabet, and the parts of a file must follow each other.
      for (const name of names.map((row) => row.name).sort())
        yield await of.select(['name', 'bytes']).where('name', '=', name).executeTakeFirstOrThrow()
    },
    async production() {
      const rows = await read
        .selectFrom('versions')
        .selectAll()
        .where('stage', '=', 'production')
        .orderBy('task')
        .execute()
      return new Map(rows.map((row) => [row.task, toVersion(row)]))
    },
    async stageOf(model, version) {
      return (await find(model, version))?.stage ?? null
    },
  }
}

async function register(trx: Transaction<Tables>, entry: Parameters<Registry['register']>[0]): Promise<Version> {
  const { manifest, digest, files } = entry
  const same = await trx.selectFrom('versions').selectAll().where('digest', '=', digest).executeTakeFirst()
  if (same !== undefined) return toVersion(same)
  const { newest } = await trx
    .selectFrom('versions')
    .select((is) => is.fn.max('version').as('newest'))
    .where('model', '=', manifest.model)
    .executeTakeFirstOrThrow()
  const row = await trx
    .insertInto('versions')
    .values({
      model: manifest.model,
      version: (newest ?? 0) + 1,
      task: manifest.task,
      stage: 'staging',
      digest,
      manifest: JSON.stringify(manifest),
      labels: JSON.stringify(manifest.labels),
      created_at: entry.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  for await (const { name, bytes } of files ?? [])
    await trx.insertInto('artifact_files').values({ digest, name, bytes }).execute()
  await addEvent(trx, { ...row, stage: null }, 'staging', 'register', entry)
  return toVersion(row)
}

async function promote(trx: Transaction<Tables>, wanted: Change): Promise<StageEvent[]> {
  const next = await versionOf(trx, wanted)
  if (next.stage === 'production') throw new Fault('stage_conflict', { say: 'The version is in production already.' })
  return await replace(trx, await inProduction(trx, next.task), next, 'promote', wanted)
}

async function archive(trx: Transaction<Tables>, wanted: Change): Promise<StageEvent[]> {
  const version = await versionOf(trx, wanted)
  if (version.stage === 'archived') throw new Fault('stage_conflict', { say: 'The version is archived already.' })
  if (version.stage === 'production') {
    throw new Fault('stage_conflict', { say: 'The version is in production: promote another or roll back first.' })
  }
  return [await setStage(trx, version, 'archived', 'archive', wanted)]
}

async function rollBack(trx: Transaction<Tables>, wanted: Omit<Change, 'version'>): Promise<StageEvent[]> {
  const present = await trx
    .selectFrom('versions')
    .selectAll()
    .where('model', '=', wanted.model)
    .where('stage', '=', 'production')
    .executeTakeFirst()
  if (present === undefined) {
    const known = await trx.selectFrom('versions').select('id').where('model', '=', wanted.model).executeTakeFirst()
    throw known === undefined
      ? new Fault('model_unknown')
      : new Fault('stage_conflict', { say: 'No version of the model is in production.' })
  }
  const before = (await servedBefore(trx, present.task)).at(-2)
  if (before === undefined)
    throw new Fault('stage_conflict', { say: 'There was no production version before this one.' })
  const next = await trx.selectFrom('versions').selectAll().where('id', '=', before).executeTakeFirstOrThrow()
  return await replace(trx, present, next, 'roll-back', wanted)
}

/** Versions that a roll-back of the task can return to, and last the present one: a promotion adds, a roll-back takes off. */
async function servedBefore(trx: Transaction<Tables>, task: string): Promise<number[]> {
  const events = await trx
    .selectFrom('stage_events')
    .innerJoin('versions', 'versions.id', 'stage_events.version_id')
    .select(['stage_events.version_id', 'stage_events.action'])
    .where('versions.task', '=', task)
    .where('stage_events.to_stage', '=', 'production')
    .orderBy('stage_events.seq')
    .execute()
  const served: number[] = []
  for (const { version_id, action } of events) {
    if (action === 'roll-back') served.pop()
    else served.push(version_id)
  }
  return served
}

/** `present` first, because a task has one production version at most, at any moment. */
async function replace(
  trx: Transaction<Tables>,
  present: VersionsTable | undefined,
  next: VersionsTable,
  action: StageEvent['action'],
  wanted: Omit<Change, 'version'>,
): Promise<StageEvent[]> {
  const events: StageEvent[] = []
  if (present !== undefined) events.push(await setStage(trx, present, 'archived', action, wanted))
  events.push(await setStage(trx, next, 'production', action, wanted))
  return events
}

async function setStage(
  trx: Transaction<Tables>,
  version: VersionsTable,
  to: Stage,
  action: StageEvent['action'],
  wanted: Omit<Change, 'version'>,
): Promise<StageEvent> {
  await trx.updateTable('versions').set({ stage: to }).where('id', '=', version.id).execute()
  return await addEvent(trx, version, to, action, wanted)
}

async function addEvent(
  trx: Transaction<Tables>,
  version: Omit<VersionsTable, 'stage'> & { stage: Stage | null },
  to: Stage,
  action: StageEvent['action'],
  { who, why, at }: { who: string; why: string; at: number },
): Promise<StageEvent> {
  const { seq } = await trx
    .insertInto('stage_events')
    .values({ at, version_id: version.id, from_stage: version.stage, to_stage: to, action, who, why })
    .returning('seq')
    .executeTakeFirstOrThrow()
  return {
    seq,
    at,
    model: version.model,
    version: version.version,
    task: version.task,
    from: version.stage,
    to,
    action,
    who,
    why,
  }
}

async function versionOf(trx: Transaction<Tables>, { model, version }: Change): Promise<VersionsTable> {
  const row = await trx
    .selectFrom('versions')
    .selectAll()
    .where('model', '=', model)
    .where('version', '=', version)
    .executeTakeFirst()
  if (row === undefined) throw new Fault('version_unknown')
  return row
}

async function inProduction(trx: Transaction<Tables>, task: string): Promise<VersionsTable | undefined> {
  return await trx
    .selectFrom('versions')
    .selectAll()
    .where('task', '=', task)
    .where('stage', '=', 'production')
    .executeTakeFirst()
}

function eventRows(read: Database['read']) {
  return read
    .selectFrom('stage_events')
    .innerJoin('versions', 'versions.id', 'stage_events.version_id')
    .select([
      'stage_events.seq',
      'stage_events.at',
      'versions.model',
      'versions.version',
      'versions.task',
      'stage_events.from_stage as from',
      'stage_events.to_stage as to',
      'stage_events.action',
      'stage_events.who',
      'stage_events.why',
    ])
}

function toVersion(row: VersionsTable): Version {
  return {
    model: row.model,
    version: row.version,
    task: row.task,
    stage: row.stage,
    digest: row.digest,
    manifest: JSON.parse(row.manifest) as Manifest, // as it was registered
    createdAt: row.created_at,
  }
}
