/** What a training run needs of the rest of the house, put together once for the server and the command line alike. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Config } from './config.ts'
import { Fault } from './domain/faults.ts'
import { hubModel } from './domain/hubModel.ts'
import { type Secret, secretOf } from './domain/secret.ts'
import type { Millis } from './domain/time.ts'
import type { TrainingRun } from './domain/trainingRun.ts'
import { type LoadVersion, promote } from './loop/promote.ts'
import { register } from './loop/register.ts'
import { mlflowTracker } from './notify/mlflow/mlflowTracker.ts'
import type { Store } from './store/store.ts'
import type { RunNeeds } from './training/jobs/workOnRun.ts'
import { artifactFolder, fetchArtifact } from './versions/artifacts/fetchArtifact.ts'
import type { OpenModel } from './versions/artifacts/loadArtifact.ts'

export interface TrainingNeeds {
  readonly config: Config
  readonly store: Store
  readonly open: OpenModel
  readonly load: LoadVersion
  readonly now: () => Millis
  /** The version of Barometer. */
  readonly engine: string
  readonly threads: number
  readonly stopMs?: number
  readonly say: (level: 'info' | 'warn' | 'error', what: string, facts: Readonly<Record<string, unknown>>) => void
}

/** The lowest priority that every system has: on an idle machine training is as fast, on a busy one serving comes first. */
const NICENESS = 19

export function trainingNeeds(given: TrainingNeeds): RunNeeds {
  const { config, store, now, open, load, engine, threads, stopMs, say } = given
  const modelsFolder = join(config.home, 'models')
  return {
    runs: store.trainingRuns,
    log: store.log,
    runsFolder: join(config.home, 'training'),
    worker: `${hostname()}:${process.pid}:${randomUUID()}`,
    now,
    engine,
    threads,
    niceness: NICENESS,
    ...(stopMs === undefined ? {} : { stopMs }),
    register: (artifact, by) => register(artifact, by, { store, modelsFolder, open, now }),
    promote: (version, by) => promote(version, by, { registry: store.registry, load, now }),
    baseOf: (from, run, signal) => baseFolder(from, run, signal, given, modelsFolder),
    track:
      config.mlflowUri === null
        ? null
        : mlflowTracker({ uri: config.mlflowUri.url, authorization: authorizationOf(config), engine, say }),
  }
}

/** A token goes before a user and a password. */
function authorizationOf({ mlflowUri, mlflowToken }: Config): Secret | null {
  if (mlflowToken !== null) return secretOf(`Bearer ${mlflowToken.reveal()}`)
  const login = mlflowUri?.login ?? null
  return login === null ? null : secretOf(`Basic ${Buffer.from(login.reveal()).toString('base64')}`)
}

/** The folder of what a run starts from: a version, or a model of the Hub. */
async function baseFolder(
  from: string,
  run: TrainingRun,
  signal: AbortSignal,
  { config, store, open, now, engine, say }: TrainingNeeds,
  modelsFolder: string,
): Promise<string> {
  const parts = /^([a-z][a-z0-9_-]{0,62})@([1-9]\d{0,8})$/.exec(from)
  if (parts !== null) {
    const version = await store.registry.get(parts[1], Number(parts[2]))
    if (version === null) throw new Fault('version_unknown', { say: `There is no ${from}.` })
    // Imported to this machine where it is not here yet.
    await fetchArtifact(version.digest, { store, modelsFolder })
    return artifactFolder(modelsFolder, version.digest)
  }
  if (hubModel(from) === null)
    throw new Fault('bad_request', { say: `To start from “${from}”: write NAME@VERSION or hf:OWNER/NAME.` })
  const { fetchFiles, importModel, hubOf } = await import('./versions/import/importModel.ts')
  const onNotice = (words: string) => say('info', words, { run: run.id })
  if (run.asked.recipe === 'transformer') {
    const files = await fetchFiles(from, { hub: hubOf(config), onNotice, signal })
    // A checkpoint is learned from as it is, with a new head where the labels are others.
    if (files.chosen.weights.kind === 'safetensors') return files.folder
  }
  const { version } = await importModel(
    {
      word: from,
      model: null,
      task: null,
      labels: null,
      rows: null,
      quantised: false,
      first: 'cache',
      who: run.who,
      why: `to start ${run.asked.model} from`,
    },
    {
      hub: hubOf(config),
      store,
      modelsFolder,
      open,
      now,
      engine,
      onProgress: () => undefined,
      onNotice,
      signal,
    },
  )
  return artifactFolder(modelsFolder, version.digest)
}
