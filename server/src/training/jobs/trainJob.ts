/** One job from its files to its artifact, in the process that trains. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainingEvent } from '../../domain/trainingRun.ts'
import { storeArtifact } from '../../versions/artifacts/folder.ts'
import { noTexts, readTexts } from '../data/readTexts.ts'
import { checkAsked, type Recipe, type Train, type Work } from '../recipes/recipe.ts'
import { recipes as allRecipes } from '../recipes/recipes.ts'
import { runSearch } from '../search/runSearch.ts'
import type { Point } from '../search/space.ts'
import type { Trained } from '../trainers/trainer.ts'
import type { FromChild, Job } from './messages.ts'

type Say = (message: FromChild) => void
type SearchOf = NonNullable<Recipe['search']>

/** Where the artifact lies in a run's folder, and where a trainer keeps its checkpoints. */
export const ARTIFACT_FOLDER = 'artifact'
const WORK_FOLDER = 'work'

/** Reports the result last; rejects with a Fault, or with the signal's reason where it was stopped. */
export async function trainJob(
  job: Job,
  say: Say,
  signal: AbortSignal,
  recipes: Readonly<Record<string, Recipe>> = allRecipes,
): Promise<void> {
  const recipe = checkAsked(job.asked, recipes)
  const progress: Work['progress'] = (share, words) => say({ kind: 'progress', share, words })
  const onEvent = finite((event) => say({ kind: 'event', event }))
  onEvent({ kind: 'phase', name: 'reading' })
  const found = (read: (FromChild & { kind: 'read' })['read']) => say({ kind: 'read', read })
  const texts = recipe.telemetry ? noTexts : await readTexts(job, { progress, found, signal })
  const train = await recipe.load()
  const work: Work = { job, parameters: job.asked.parameters, texts, progress }
  const { search } = job.asked
  const made =
    search === null || recipe.search === null
      ? await keep(job, await train(work, { onEvent, signal, folder: await workFolder(job) }))
      : await searchFor(recipe.search, search.trials, train, work, onEvent, signal)
  say({ kind: 'trained', ...made })
}

interface Made {
  readonly digest: string
  readonly facts: Readonly<Record<string, number>>
}

async function keep({ folder }: Job, { artifact, facts }: Trained): Promise<Made> {
  await storeArtifact(join(folder, ARTIFACT_FOLDER), artifact, { replace: true })
  return { digest: artifact.digest, facts }
}

async function workFolder({ folder }: Job, name = WORK_FOLDER): Promise<string> {
  const path = join(folder, name)
  await mkdir(path, { recursive: true })
  return path
}

/** Looks for the best settings; the artifact is the best trial's own, whose best epoch is what was measured. */
async function searchFor(
  { space, start }: SearchOf,
  trials: number,
  train: Train,
  work: Work,
  onEvent: (event: TrainingEvent) => void,
  signal: AbortSignal,
): Promise<Made> {
  const { job } = work
  const fixed = new Set(Object.keys(job.asked.parameters))
  const without = <T>(record: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(record).filter(([name]) => !fixed.has(name)))
  let kept = await readKept(job)

  async function attempt(trial: number, parameters: Point, report: (value: number) => boolean): Promise<void> {
    const pruned = new AbortController()
    let best = Number.POSITIVE_INFINITY
    const onTrialEvent = (event: TrainingEvent): void => {
      if (event.kind !== 'point' && event.kind !== 'evaluated') return onEvent(event)
      onEvent({ ...event, trial })
      if (event.kind === 'point' || pruned.signal.aborted) return
      const value = objectiveOf(event.metrics)
      best = Math.min(best, value)
      if (!report(value)) pruned.abort()
    }
    // A trial that was interrupted begins anew: what is compared at a rung must have come to it in the same way.
    const name = join(WORK_FOLDER, `trial-${trial}`)
    await rm(join(job.folder, name), { recursive: true, force: true })
    const folder = await workFolder(job, name)
    try {
      const own = { ...work, parameters: { ...work.parameters, ...parameters } }
      const trained = await train(own, {
        onEvent: onTrialEvent,
        signal: AbortSignal.any([signal, pruned.signal]),
        folder,
      })
      // Too few rows are held out to be watched: what was measured at the end is all that there is.
      if (best === Number.POSITIVE_INFINITY) {
        best = finalObjective(trained)
        report(best)
      }
      // A trainer that was about to end when the stop arrived may have ended all the same.
      if (!pruned.signal.aborted && (kept === null || best < kept.value))
        kept = await writeKept(job, { trial, value: best, ...(await keep(job, trained)) })
    } catch (error) {
      if (!pruned.signal.aborted || signal.aborted) throw error
    } finally {
      if (!signal.aborted) await rm(folder, { recursive: true, force: true })
    }
  }

  const { best } = await runSearch(
    { space: without(space), start: without(start), trials, seed: job.asked.seed, known: job.trials },
    { attempt, onEvent, signal },
  )
  // The folder of an interrupted run may have been lost, or written just before the record of its trial was not.
  if (kept?.trial === best.number) return { digest: kept.digest, facts: { ...kept.facts, trial: kept.trial } }
  const again = { ...work, parameters: { ...work.parameters, ...best.parameters } }
  const made = await keep(job, await train(again, { onEvent, signal, folder: await workFolder(job) }))
  return { ...made, facts: { ...made.facts, trial: best.number } }
}

/** Lower is better: the loss on held-out rows, which also sees how sure the model is; the share of errors without one. */
function objectiveOf(metrics: Readonly<Record<string, number>>): number {
  const value = metrics['loss'] ?? 1 - (metrics['accuracy'] ?? 0)
  return Number.isFinite(value) ? value : Number.MAX_VALUE
}

function finalObjective({ evaluations }: Trained): number {
  const { logLoss, accuracy } = evaluations[0]?.metrics ?? {}
  return objectiveOf({
    ...(logLoss === undefined ? {} : { loss: logLoss.value }),
    ...(accuracy === undefined ? {} : { accuracy: accuracy.value }),
  })
}

interface Kept extends Made {
  readonly trial: number
  readonly value: number
}

const KEPT_FILE = 'best.json'

async function writeKept({ folder }: Job, kept: Kept): Promise<Kept> {
  await writeFile(join(folder, KEPT_FILE), JSON.stringify(kept))
  return kept
}

async function readKept({ folder }: Job): Promise<Kept | null> {
  try {
    return JSON.parse(await readFile(join(folder, KEPT_FILE), 'utf8')) as Kept // written above
  } catch {
    return null // none yet, or cut short: then the best trial is trained again
  }
}

/** JSON has neither NaN nor ∞: a point without a loss becomes a notice, a metric that is no number is left out. */
function finite(onEvent: (event: TrainingEvent) => void): (event: TrainingEvent) => void {
  let told = false
  const finiteOnly = <T>(record: Readonly<Record<string, T>>) =>
    Object.fromEntries(
      Object.entries(record).filter(([, value]) => typeof value !== 'number' || Number.isFinite(value)),
    )
  return (event) => {
    switch (event.kind) {
      case 'point':
        if (Number.isFinite(event.loss)) {
          const { etaSeconds, rowsPerSecond, gradientNorm, ...rest } = event
          return onEvent({
            ...rest,
            ...(gradientNorm !== undefined && Number.isFinite(gradientNorm) ? { gradientNorm } : {}),
            rowsPerSecond: Number.isFinite(rowsPerSecond) ? rowsPerSecond : 0,
            etaSeconds: etaSeconds !== null && Number.isFinite(etaSeconds) ? etaSeconds : null,
          })
        }
        if (!told) onEvent({ kind: 'note', words: `At step ${event.step} the loss is no number any more.` })
        told = true
        return
      case 'evaluated':
        return onEvent({ ...event, metrics: finiteOnly(event.metrics) })
      case 'trial':
      case 'phase':
      case 'note':
        return onEvent(event)
      default:
        return event satisfies never
    }
  }
}
