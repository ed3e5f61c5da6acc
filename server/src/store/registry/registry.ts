/** Versions, their stages and every change of stage. */
import type { Transaction } from 'kysely'
import { Fault } from '../../domain/faults.ts'
import type { Manifest, Stage, StageEvent, Version, VersionName } from '../../domain/version.ts'
import type { Database } from '../database.ts'
import type { Decision, Registry } from '../store.ts'
import type { Tables, VersionsTable } from '../tables.ts'

type Change = VersionName & Decision

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
    async rollBackTargets() {
      const served = await servedSince(read)
      const targets = [...served.values()].flatMap((ids) => ids.slice(-2, -1))
      if (targets.length === 0) return new Map()
      const rows = await read.selectFrom('versions').selectAll().where('id', 'in', targets).execute()
      return new Map(rows.map((row) => [row.task, toVersion(row)]))
    },
    async events({ model, afterSeq, newestFirst = false, limit }) {
      let query = eventRows(read)
        .orderBy('stage_events.seq', newestFirst ? 'desc' : 'asc')
        .limit(limit)
      if (model !== undefined)
        query = query.where((is) => is.or([is('versions.model', '=', model), is('replaced.model', '=', model)]))
      if (afterSeq !== undefined) query = query.where('stage_events.seq', '>', afterSeq)
      const rows = await query.execute()
      return rows.map(({ replacedModel: was, replacedVersion: number, ...event }) => ({
        ...event,
        replaced: was === null || number === null ? null : { model: was, version: number },
      }))
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

async function promote(trx: Transaction<Tables>, wanted: Change): Promise<StageEvent> {
  const next = await versionOf(trx, wanted)
  if (next.stage === 'production') throw new Fault('stage_conflict', { say: 'The version is in production already.' })
  return await replace(trx, await inProduction(trx, next.task), next, 'promote', wanted)
}

async function archive(trx: Transaction<Tables>, wanted: Change): Promise<StageEvent> {
  const version = await versionOf(trx, wanted)
  if (version.stage === 'archived') throw new Fault('stage_conflict', { say: 'The version is archived already.' })
  if (version.stage === 'production') {
    throw new Fault('stage_conflict', { say: 'The version is in production: promote another or roll back first.' })
  }
  return await setStage(trx, version, 'archived', 'archive', wanted)
}

async function rollBack(trx: Transaction<Tables>, wanted: Parameters<Registry['rollBack']>[0]): Promise<StageEvent> {
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
  const before = (await servedSince(trx, present.task)).get(present.task)?.at(-2)
  if (before === undefined)
    throw new Fault('stage_conflict', { say: 'There was no production version before this one.' })
  const next = await trx.selectFrom('versions').selectAll().where('id', '=', before).executeTakeFirstOrThrow()
  if (next.model !== wanted.to.model || next.version !== wanted.to.version)
    throw new Fault('stage_conflict', { say: 'Another version came into production meanwhile; look again.' })
  return await replace(trx, present, next, 'roll-back', wanted)
}

/**
 * By task the versions that roll-backs can return to, and last the one in production: a promotion adds, a roll-back
 * takes off.
 */
async function servedSince(
  from: Pick<Database['read'], 'selectFrom'>,
  task?: string,
): Promise<ReadonlyMap<string, readonly number[]>> {
  let query = from
    .selectFrom('stage_events')
    .innerJoin('versions', 'versions.id', 'stage_events.version_id')
    .select(['stage_events.version_id', 'stage_events.action', 'versions.task'])
    .where('stage_events.to_stage', '=', 'production')
    .orderBy('stage_events.seq')
  if (task !== undefined) query = query.where('versions.task', '=', task)
  const served = new Map<string, number[]>()
  for (const event of await query.execute()) {
    const ids = served.get(event.task) ?? []
    if (event.action === 'roll-back') ids.pop()
    else ids.push(event.version_id)
    served.set(event.task, ids)
  }
  return served
}

/**
 * `present` first, because a task has one production version at most, at any moment. Each version gets its row, one
 * after the other in one transaction; they are read as one event (see eventRows).
 */
async function replace(
  trx: Transaction<Tables>,
  present: VersionsTable | undefined,
  next: VersionsTable,
  action: StageEvent['action'],
  wanted: Decision,
): Promise<StageEvent> {
  if (present !== undefined) await setStage(trx, present, 'archived', action, wanted)
  const event = await setStage(trx, next, 'production', action, wanted)
  return present === undefined ? event : { ...event, replaced: { model: present.model, version: present.version } }
}

async function setStage(
  trx: Transaction<Tables>,
  version: VersionsTable,
  to: Stage,
  action: StageEvent['action'],
  wanted: Decision,
): Promise<StageEvent> {
  await trx.updateTable('versions').set({ stage: to }).where('id', '=', version.id).execute()
  return await addEvent(trx, version, to, action, wanted)
}

async function addEvent(
  trx: Transaction<Tables>,
  version: Omit<VersionsTable, 'stage'> & { stage: Stage | null },
  to: Stage,
  action: StageEvent['action'],
  { who, why, at }: Decision,
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
    replaced: null,
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

/** A change of production is two rows, of the version that left and of the one that came; it is one event here. */
function eventRows(read: Database['read']) {
  return read
    .selectFrom('stage_events')
    .innerJoin('versions', 'versions.id', 'stage_events.version_id')
    .leftJoin('stage_events as gone', (join) =>
      join
        .on('stage_events.to_stage', '=', 'production')
        .on('gone.seq', '=', (is) => is('stage_events.seq', '-', 1))
        .onRef('gone.action', '=', 'stage_events.action')
        .on('gone.to_stage', '=', 'archived'),
    )
    .leftJoin('versions as replaced', 'replaced.id', 'gone.version_id')
    .where((is) =>
      is.not(is.and([is('stage_events.to_stage', '=', 'archived'), is('stage_events.action', '!=', 'archive')])),
    )
    .select([
      'stage_events.seq',
      'stage_events.at',
      'versions.model',
      'versions.version',
      'versions.task',
      'stage_events.from_stage as from',
      'stage_events.to_stage as to',
      'stage_events.action',
      'replaced.model as replacedModel',
      'replaced.version as replacedVersion',
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
