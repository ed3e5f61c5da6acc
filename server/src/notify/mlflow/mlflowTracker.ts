/**
 * A training run as an MLflow run: parameters, curves, artifacts, the registered version and its alias.
 *
 * MLflow is never waited for while a run learns: what it should know waits in a bounded spool, and is sent beside the
 * work. When MLflow is away, slow, lying or refuses, the run ends as it would have, and one line says what is missing.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Secret } from '../../domain/secret.ts'
import type { Millis } from '../../domain/time.ts'
import { dataWords, type TrainingEvent, type TrainingRun } from '../../domain/trainingRun.ts'
import { type Answer, type MlflowClient, MlflowError, mlflowClient } from './client.ts'
import type { RunTracker, TrackedEnd } from './tracker.ts'

export interface MlflowOptions {
  readonly uri: string
  readonly authorization: Secret | null
  /** The version of Barometer. */
  readonly engine: string
  readonly say: (level: 'info' | 'warn', what: string, facts: Readonly<Record<string, unknown>>) => void
  /** For tests: everything that waits, waits this much shorter. */
  readonly hurry?: number
}

/** Between two sendings; after a failure the pause doubles up to the longest. */
const PAUSE_MS = 5000
const PAUSE_MS_MAX = 60_000
/** How long the end of a run may take: when MLflow was reached before, and when it never was. */
const END_MS = 180_000
const END_MS_UNREACHED = 5000
/** At the end, of one request. */
const TRIES_MAX = 4
const TRY_MS = 500
/** What waits at most; the oldest go first, and are counted. */
const SPOOL_MAX = 20_000

/** MLflow's limits of one log-batch (mlflow/utils/validation.py): together 1000, parameters and tags 100 each. */
const METRICS_MAX = 1000
const PARAMS_MAX = 100
const PARAM_CHARS = 6000
const KEY_CHARS = 250

interface Metric {
  readonly key: string
  readonly value: number
  readonly timestamp: Millis
  readonly step: number
}

interface Param {
  readonly key: string
  readonly value: string
}

interface Opened {
  readonly runId: string
  readonly artifactUri: string
}

export function mlflowTracker(options: MlflowOptions): (run: TrainingRun) => RunTracker {
  return (run) => track(run, options)
}

function track(run: TrainingRun, options: MlflowOptions): RunTracker {
  const { uri, authorization, say, hurry = 1 } = options
  const closing = new AbortController()
  const ended = new AbortController()
  const client = mlflowClient({ uri, authorization, signal: ended.signal, callMs: 10_000 / hurry })
  let spool: Metric[] = []
  let params = paramsOf(run)
  let opened: Opened | null = null
  /** Why MLflow will not get this run, whatever is tried. */
  let refused: MlflowError | null = null
  let dropped = 0
  let step = 0

  function add(key: string, value: number, at: number, timestamp: Millis): void {
    if (refused !== null || !Number.isFinite(value)) return
    if (spool.length >= SPOOL_MAX) {
      spool.shift()
      dropped++
    }
    spool.push({ key: keyOf(key), value, timestamp, step: at })
  }

  /** Sends all that waits. Throws what the client throws; what was sent is not sent again. */
  async function send(by: MlflowClient): Promise<Opened> {
    opened ??= await open(run, by, options)
    while (params.length > 0) {
      const batch = params.slice(0, PARAMS_MAX)
      await by.call('POST', 'runs/log-batch', { run_id: opened.runId, params: batch })
      params = params.slice(batch.length)
    }
    while (spool.length > 0) {
      const batch = spool.slice(0, METRICS_MAX)
      await by.call('POST', 'runs/log-batch', { run_id: opened.runId, metrics: batch })
      const sent = new Set(batch)
      spool = spool.filter((metric) => !sent.has(metric))
    }
    return opened
  }

  async function rounds(): Promise<void> {
    let pause = 0
    while (!closing.signal.aborted && refused === null) {
      try {
        await delay(pause / hurry, undefined, { signal: closing.signal })
        await send(client)
        pause = PAUSE_MS
      } catch (error) {
        if (closing.signal.aborted) return
        const reason = mlflowErrorOf(error)
        if (!reason.temporary) refused = reason
        if (pause <= PAUSE_MS || refused !== null)
          say('warn', 'MLflow does not take a training run', {
            run: run.id,
            why: reason.message,
            again: reason.temporary,
          })
        pause = Math.min(Math.max(PAUSE_MS, pause * 2), PAUSE_MS_MAX)
      }
    }
  }
  const sending = rounds()

  return {
    event(event, at) {
      if (event.kind === 'point' && event.trial === undefined) step = event.step
      for (const [key, value, place] of metricsOf(event, step)) add(key, value, place, at)
    },
    async end(how) {
      let limit = setTimeout(() => ended.abort(), (opened === null ? END_MS_UNREACHED : END_MS) / hurry)
      closing.abort()
      await sending
      for (const [key, value] of finalMetrics(how)) add(key, value, step, how.at)
      params = unique([...params, ...finalParams(how)])
      try {
        if (refused !== null) throw refused
        const by = patient(client, ended.signal, hurry)
        opened ??= await open(run, by, options)
        clearTimeout(limit)
        limit = setTimeout(() => ended.abort(), END_MS / hurry)
        await finish(await send(by), how, run, by)
        say('info', 'MLflow has the training run', { run: run.id, mlflow: opened.runId, dropped })
      } catch (error) {
        const why = mlflowErrorOf(error).message
        const lost = dropped + spool.length
        say('warn', 'MLflow has not got all of a training run', { run: run.id, why, lost })
      } finally {
        clearTimeout(limit)
      }
    },
  }
}

/** Asks again, a few times and ever later, where the same may work then. */
function patient(client: MlflowClient, signal: AbortSignal, hurry: number): MlflowClient {
  async function insist<T>(ask: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await ask()
      } catch (error) {
        if (tries === TRIES_MAX || signal.aborted || !mlflowErrorOf(error).temporary) throw error
        await delay((TRY_MS * 2 ** (tries - 1)) / hurry, undefined, { signal }).catch(() => undefined)
      }
    }
  }
  return {
    call: (method, path, body) => insist(() => client.call(method, path, body)),
    upload: (path, content) => insist(() => client.upload(path, content)),
  }
}

function mlflowErrorOf(error: unknown): MlflowError {
  if (error instanceof MlflowError) return error
  // A bug of ours must not harm a run either; it is logged, and not retried.
  return new MlflowError(error instanceof Error ? error.message : String(error), { temporary: false, cause: error })
}

/** Opens the MLflow run, or finds the one that an earlier attempt of this run opened. */
async function open(run: TrainingRun, client: MlflowClient, { engine }: MlflowOptions): Promise<Opened> {
  const { asked } = run
  const experiment = await experimentOf(`barometer-${asked.task}`, client)
  if (run.attempts > 1) {
    const found = await client.call('POST', 'runs/search', {
      experiment_ids: [experiment],
      filter: `tags.\`barometer.run\` = '${run.id}'`,
      max_results: 1,
    })
    const [first] = Array.isArray(found['runs']) ? (found['runs'] as unknown[]) : []
    if (first !== undefined) return openedOf(first)
  }
  const tags = {
    'barometer.run': run.id,
    'barometer.version': engine,
    'barometer.who': run.who,
    'mlflow.source.name': 'barometer',
    'mlflow.source.type': 'JOB',
    'mlflow.note.content': asked.why,
  }
  const created = await client.call('POST', 'runs/create', {
    experiment_id: experiment,
    run_name: `${asked.model} ${asked.recipe} ${run.id.slice(-6)}`,
    start_time: run.startedAt ?? run.createdAt,
    tags: Object.entries(tags).map(([key, value]) => ({ key, value: value.slice(0, 5000) })),
  })
  return openedOf(created['run'])
}

function openedOf(run: unknown): Opened {
  const info = member(run, 'info')
  const runId = member(info, 'run_id')
  const artifactUri = member(info, 'artifact_uri')
  if (typeof runId !== 'string' || !/^[\w-]{1,256}$/.test(runId) || typeof artifactUri !== 'string')
    throw new MlflowError('its answer has no run in it, so it is no MLflow', { temporary: false })
  return { runId, artifactUri }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Answer)[name] : undefined // any object has members
}

/** Another process may be first in making it. */
async function experimentOf(name: string, client: MlflowClient): Promise<string> {
  const find = async (): Promise<unknown> =>
    member(
      (await client.call('GET', 'experiments/get-by-name', { experiment_name: name }))['experiment'],
      'experiment_id',
    )
  let id: unknown
  try {
    id = await find()
  } catch (error) {
    if (!(error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST')) throw error
    id = await unlessExists(async () => (await client.call('POST', 'experiments/create', { name }))['experiment_id'])
    id ??= await find()
  }
  if (typeof id === 'string') return id
  throw new MlflowError('its answer has no experiment in it, so it is no MLflow', { temporary: false })
}

async function unlessExists<T>(make: () => Promise<T>): Promise<T | null> {
  try {
    return await make()
  } catch (error) {
    if (error instanceof MlflowError && error.code === 'RESOURCE_ALREADY_EXISTS') return null
    throw error
  }
}

/** Files, registry, and last the state, so that a run that is FINISHED in MLflow is whole there. */
async function finish(
  { runId, artifactUri }: Opened,
  { state, version, artifact, promoted, at }: TrackedEnd,
  { asked }: TrainingRun,
  client: MlflowClient,
): Promise<void> {
  const folder = proxiedFolder(artifactUri)
  if (artifact !== null && folder !== null) {
    for (const [name, bytes] of Object.entries(artifact.files)) await client.upload(`${folder}/model/${name}`, bytes)
    for (const [name, file] of Object.entries(artifact.paths)) await client.upload(`${folder}/model/${name}`, { file })
    const manifest = new TextEncoder().encode(JSON.stringify(artifact.manifest, null, 2))
    await client.upload(`${folder}/model/manifest.json`, manifest)
  }
  if (version !== null) {
    const name = version.model
    await unlessExists(() => client.call('POST', 'registered-models/create', { name }))
    const made = await client.call('POST', 'model-versions/create', {
      name,
      source: `${artifactUri}/model`,
      run_id: runId,
      description: `${version.model}@${version.version}: ${asked.why}`,
    })
    const number = member(made['model_version'], 'version')
    if (typeof number !== 'string') throw new MlflowError('its answer has no version in it', { temporary: false })
    const alias = promoted ? 'champion' : 'challenger'
    await client.call('POST', 'registered-models/alias', { name, alias, version: number })
  }
  const status = statuses[state]
  await client.call('POST', 'runs/update', { run_id: runId, status, end_time: at })
}

const statuses: Readonly<Record<TrackedEnd['state'], string>> = {
  succeeded: 'FINISHED',
  failed: 'FAILED',
  cancelled: 'KILLED',
  // It will resume; MLflow shows one that is scheduled as waiting.
  interrupted: 'SCHEDULED',
}

/** The path of a run's artifacts behind the tracking server; null where they lie elsewhere (s3://…), which it does not pass on. */
function proxiedFolder(artifactUri: string): string | null {
  const path = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.+?)\/*$/.exec(artifactUri)?.[1] ?? null
  return path === null || path.split('/').includes('..') ? null : path
}

function metricsOf(event: TrainingEvent, step: number): readonly (readonly [string, number, number])[] {
  switch (event.kind) {
    case 'point': {
      if (event.trial !== undefined) return []
      const figures = {
        loss: event.loss,
        epoch: event.epoch,
        learning_rate: event.learningRate,
        gradient_norm: event.gradientNorm,
        rows_per_second: event.rowsPerSecond,
      }
      return Object.entries(figures).flatMap(([key, value]) => (value === undefined ? [] : [[key, value, event.step]]))
    }
    case 'evaluated':
      if (event.trial !== undefined) return []
      return Object.entries(event.metrics).map(([key, value]) => [`held_out/${key}`, value, step])
    case 'trial':
      if (event.state === 'running' || event.values.length === 0) return []
      return [['trial/loss', Math.min(...event.values), event.number]]
    case 'phase':
    case 'note':
      return []
    default:
      return event satisfies never
  }
}

function finalMetrics({ artifact }: TrackedEnd): readonly (readonly [string, number])[] {
  return (artifact?.manifest.evaluations ?? []).flatMap(({ name, metrics }) =>
    Object.entries(metrics).map(([metric, { value }]): [string, number] => [`${name}/${metric}`, value]),
  )
}

/** Asked before; what was made of it comes at the end, under names of its own, since MLflow refuses a second value. */
function paramsOf({ asked }: TrainingRun): Param[] {
  const { model, task, recipe, seed, from, data, parameters, search } = asked
  const said = Object.entries({
    model,
    task,
    recipe,
    seed,
    ...(from === null ? {} : { from }),
    ...(search === null ? {} : { trials: search.trials }),
    data: data.map(dataWords).join(', '),
  })
  return unique([...said, ...Object.entries(parameters)].map(param))
}

/** The first of each name: MLflow refuses a batch in which one occurs twice. */
function unique(params: readonly Param[]): Param[] {
  const byKey = new Map<string, Param>()
  for (const param of params) if (!byKey.has(param.key)) byKey.set(param.key, param)
  return [...byKey.values()]
}

function finalParams({ artifact, version }: TrackedEnd): Param[] {
  if (artifact === null || version === null) return []
  const { recipe, data } = artifact.manifest
  return [
    ...Object.entries(recipe.parameters).map(([key, value]) => param([`recipe/${key}`, value])),
    param(['version', `${version.model}@${version.version}`]),
    param(['digest', version.digest]),
    param(['rows', data.rows]),
    param(['data_sha256', data.sha256]),
  ]
}

function param([key, value]: readonly [string, string | number | boolean]): Param {
  return { key: keyOf(key), value: String(value).slice(0, PARAM_CHARS) }
}

/** As MLflow takes it: letters, digits, `_ - . /` and spaces, and no path that is another path (`a//b`, `./a`, `a/`). */
function keyOf(word: string): string {
  const parts = word.replaceAll(/[^\w.\-/ ]/g, '_').split('/')
  return parts
    .map((part) => (/^\.{0,2}$/.test(part) ? '_' : part))
    .join('/')
    .slice(0, KEY_CHARS)
}
