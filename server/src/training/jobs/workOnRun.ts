/** One claimed run from its first event to its end: data, process, curve, version. */
import { mkdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import type { Millis } from '../../domain/time.ts'
import { dataWords, type TrainingRun } from '../../domain/trainingRun.ts'
import type { StageEvent, Version } from '../../domain/version.ts'
import type { RunTracker } from '../../notify/mlflow/tracker.ts'
import { isThere } from '../../platform/isThere.ts'
import type { Log, TrainingPlace, TrainingRuns } from '../../store/store.ts'
import type { Artifact } from '../../versions/artifacts/artifact.ts'
import { verifyArtifact } from '../../versions/artifacts/folder.ts'
import { exportRows } from '../data/exportRows.ts'
import { nameOf } from '../data/readTexts.ts'
import type { Job } from './messages.ts'
import { type Recorder, recordRun } from './recordRun.ts'
import { type Outcome, startChild, type Watcher } from './startChild.ts'
import { ARTIFACT_FOLDER } from './trainJob.ts'

export interface RunNeeds {
  readonly runs: TrainingRuns
  readonly log: Pick<Log, 'stream'>
  /** Keeps one folder for each run that is not over. */
  readonly runsFolder: string
  /** The name under which this process claimed the run. */
  readonly worker: string
  readonly now: () => Millis
  /** The version of Barometer. */
  readonly engine: string
  readonly threads: number
  /** Niceness of the training process, 0 … 19. */
  readonly niceness: number
  /** Time that it has to stop when it must. */
  readonly stopMs?: number
  readonly register: (artifact: Artifact, by: { readonly who: string; readonly why: string }) => Promise<Version>
  readonly promote: (version: Version, by: { readonly who: string; readonly why: string }) => Promise<StageEvent>
  /** A folder with the weights to start from: pulled, or of a version. */
  readonly baseOf: (from: string, run: TrainingRun, signal: AbortSignal) => Promise<string>
  /** An experiment tracker; null where there is none. */
  readonly track: ((run: TrainingRun) => RunTracker) | null
}

export interface Worked {
  readonly state: 'succeeded' | 'failed' | 'cancelled' | 'interrupted' | 'lost'
  readonly version: Version | null
  readonly artifact: Artifact | null
  readonly events: readonly StageEvent[]
  readonly facts: Readonly<Record<string, number>>
  readonly fault: Fault | null
}

/** A run that has taken its process down so often will do it again. */
export const ATTEMPTS_MAX = 3
/** What a run may need beside its artifact: checkpoints of weights and two moments of a 66 M parameter model. */
const DISK_BYTES_MIN = 1e9
/** How long the end of a run is tried to be written to a database that is away. */
const END_TRIES = 30
const END_PAUSE_MS = 1000

/** @param signal stops it: the run is `interrupted` and can be taken up again. */
export async function workOnRun(
  run: TrainingRun,
  place: TrainingPlace,
  needs: RunNeeds,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<Worked> {
  const stopping = new AbortController()
  let why: 'cancel' | 'lost' | null = null
  const tracker = needs.track?.(run) ?? null
  const recorder = recordRun(run.id, place, {
    ...needs,
    onStop(reason) {
      why = reason
      stopping.abort()
    },
  })
  const both: Watcher = {
    ...watcher,
    onEvent(event) {
      recorder.take(event)
      tracker?.event(event, needs.now())
      watcher.onEvent?.(event)
    },
  }
  const worked = await attempt(run, needs, both, AbortSignal.any([signal, stopping.signal]), () => why)
  const ended = await finish(run, worked, recorder, needs)
  await tracker?.end({
    state: ended.state === 'lost' ? 'interrupted' : ended.state,
    version: ended.version,
    artifact: ended.artifact,
    promoted: ended.events.some(({ to }) => to === 'production'),
    at: needs.now(),
  })
  // The process that has the run now needs its folder; an interrupted run will be resumed.
  if (ended.state !== 'lost' && ended.state !== 'interrupted')
    await rm(join(needs.runsFolder, run.id), { recursive: true, force: true })
  return ended
}

async function attempt(
  run: TrainingRun,
  needs: RunNeeds,
  watcher: Watcher,
  signal: AbortSignal,
  why: () => 'cancel' | 'lost' | null,
): Promise<Worked> {
  const folder = join(needs.runsFolder, run.id)
  try {
    if (run.attempts > 1) watcher.onEvent?.({ kind: 'note', words: `Taken up again; attempt ${run.attempts}.` })
    const job = await prepare(run, folder, needs, watcher, signal)
    const outcome = await startChild(job, watcher, signal, needs.stopMs === undefined ? {} : { stopMs: needs.stopMs })
    return await settle(run, folder, outcome, needs, why)
  } catch (error) {
    if (signal.aborted) return stopped(why())
    if (!(error instanceof Fault)) throw error
    return { ...nothing, state: 'failed', fault: error }
  }
}

const nothing = { version: null, artifact: null, events: [], facts: {}, fault: null } as const

function stopped(why: 'cancel' | 'lost' | null): Worked {
  return { ...nothing, state: why === 'cancel' ? 'cancelled' : (why ?? 'interrupted') }
}

async function settle(
  run: TrainingRun,
  folder: string,
  outcome: Outcome,
  { register, promote }: RunNeeds,
  why: () => 'cancel' | 'lost' | null,
): Promise<Worked> {
  switch (outcome.kind) {
    case 'stopped':
      return stopped(why())
    case 'failed':
      return { ...nothing, state: 'failed', fault: outcome.fault }
    case 'crashed': {
      // What it had learned is kept, unless it has shown that it will do it again.
      const again = !run.unattended || run.attempts < ATTEMPTS_MAX
      return { ...nothing, state: again ? 'interrupted' : 'failed', fault: outcome.fault }
    }
    case 'trained': {
      const artifact = await verifyArtifact(join(folder, ARTIFACT_FOLDER), { digest: outcome.digest })
      const by = { who: run.who, why: run.asked.why }
      const version = await register(artifact, by)
      const events = run.asked.promote && version.stage !== 'production' ? [await promote(version, by)] : []
      return { state: 'succeeded', version, artifact, events, facts: outcome.facts, fault: null }
    }
    default:
      return outcome satisfies never
  }
}

/** All that the process needs, as files in the run's folder; what is there from an earlier attempt is used again. */
async function prepare(
  run: TrainingRun,
  folder: string,
  needs: RunNeeds,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<Job> {
  const { asked } = run
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < DISK_BYTES_MIN)
    throw new Fault('disk_full', { say: `Training wants ${DISK_BYTES_MIN / 1e9} GB of disk, ${folder} has less.` })
  const files: Job['files'][number][] = []
  for (const [i, data] of asked.data.entries()) {
    if (data.kind === 'file') {
      files.push({ ...data, name: nameOf(data.path), labelled: !data.unlabelled })
      continue
    }
    watcher.onEvent?.({ kind: 'phase', name: `reading the ${data.kind}` })
    const path = join(folder, `${data.kind}-${i}.jsonl`)
    if (!(await isThere(path))) await exportRows(needs.log, data, path, signal)
    const columns = { textColumn: 'text', labelColumn: 'label' }
    files.push({ kind: 'file', path, ...columns, name: dataWords(data), labelled: data.kind === 'feedback' })
  }
  return {
    asked,
    files,
    folder,
    base: asked.from === null ? null : await needs.baseOf(asked.from, run, signal),
    trials: run.attempts > 1 ? await needs.runs.trials(run.id) : [],
    threads: needs.threads,
    niceness: needs.niceness,
    engine: needs.engine,
    // The run's own time, so that the same run makes the same bytes however often it is taken up.
    createdAt: new Date(run.createdAt).toISOString(),
  }
}

async function finish(run: TrainingRun, worked: Worked, recorder: Recorder, needs: RunNeeds): Promise<Worked> {
  const { state, version, fault } = worked
  await recorder.close()
  if (state === 'lost') return worked
  const how = {
    state,
    result: version === null ? null : { model: version.model, version: version.version },
    fault: fault === null ? null : { code: fault.code, say: fault.message },
  }
  for (let tries = 1; ; tries++) {
    try {
      const kept = await needs.runs.end(run.id, { worker: needs.worker, at: needs.now() }, how)
      return kept ? worked : { ...worked, state: 'lost' }
    } catch (error) {
      if (!(error instanceof Fault) || tries === END_TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, END_PAUSE_MS))
    }
  }
}
