/** The telemetry detector as a job: its rows are samples of machines, not texts; without any, machines are generated. */
import { createHash } from 'node:crypto'
import { readSamples } from '../../ingest/files/readSamples.ts'
import { type LstmRecipe, lstmRecipe } from '../../models/telemetry/recipe.ts'
import type { TelemetryData } from '../trainers/lstm/telemetryParts.ts'
import type { Recipe, SettingForm, Train, Work } from './recipe.ts'

const settings = {
  epochs: { kind: 'whole', low: 1, high: 1000, about: 'of windows drawn anew' },
  batch: { kind: 'whole', low: 1, high: 4096, about: 'windows of a step' },
  learningRate: { kind: 'real', low: 1e-8, high: 1, about: 'of Adam' },
  earlyStopping: { kind: 'whole', low: 1, high: 1000, about: 'epochs without a better loss after which it ends' },
  hidden: { kind: 'whole', low: 4, high: 1024, about: 'width of each of its two layers' },
  head: { kind: 'whole', low: 4, high: 1024, about: 'width of the hidden layer of the head' },
  length: { kind: 'whole', low: 4, high: 1000, about: 'samples of a window' },
  windows: { kind: 'whole', low: 32, high: 1_000_000, about: 'windows of an epoch' },
  anomalousShare: { kind: 'real', low: 0.01, high: 0.99, about: 'share of them that ends in an anomaly' },
  metrics: { kind: 'word', about: 'names, separated by commas; by default those whose meaning is known, else all' },
  windowSeconds: { kind: 'real', low: 1, high: 86_400, about: 'of the statistics' },
  usualSeconds: { kind: 'real', low: 60, high: 604_800, about: 'time constant of the mean that counts as usual' },
  faultsPerDay: { kind: 'real', low: 0.1, high: 100, about: 'injected where it learns, a day and machine' },
  machines: { kind: 'whole', low: 4, high: 1000, about: 'generated machines to learn from' },
  days: { kind: 'real', low: 0.1, high: 60, about: 'days of each' },
  daysMeasured: { kind: 'real', low: 0.1, high: 60, about: 'days of each that it is measured on' },
} as const satisfies Readonly<Record<string, SettingForm>>

export const lstm: Recipe = {
  about: 'an anomaly detector for telemetry; without --data it learns from generated machines and faults',
  telemetry: true,
  base: 'none',
  settings,
  quick: { epochs: 1, windows: 1024, machines: 8, days: 1, daysMeasured: 1 },
  search: {
    space: {
      learningRate: { kind: 'real', low: 1e-4, high: 1e-2, log: true },
      hidden: { kind: 'whole', low: 16, high: 128, log: true },
      batch: { kind: 'choice', of: [16, 32, 64, 128] },
      anomalousShare: { kind: 'real', low: 0.1, high: 0.5 },
    },
    start: {
      learningRate: lstmRecipe.learningRate,
      hidden: lstmRecipe.hidden,
      batch: lstmRecipe.batch,
      anomalousShare: lstmRecipe.anomalousShare,
    },
  },
  load: trainer,
}

async function trainer(): Promise<Train> {
  const { trainLstm } = await import('../trainers/lstm/trainLstm.ts')
  return async (work, needs) => {
    const { job, parameters } = work
    const { asked } = job
    // Every one was checked against its form, which is that of the recipe.
    const recipe: LstmRecipe = { ...lstmRecipe, ...parameters }
    const data = await readTelemetry(work, needs.signal)
    const { model, task, seed } = asked
    const { threads, engine, createdAt } = job
    return await trainLstm({ model, task, data, recipe, seed, threads, engine, createdAt }, needs)
  }
}

async function readTelemetry({ job, progress }: Work, signal: AbortSignal): Promise<TelemetryData | null> {
  if (job.files.length === 0) return null
  const reads = []
  for (const file of job.files) {
    progress(null, `reading ${file.name}`)
    reads.push({ name: file.name, ...(await readSamples(file.path, signal)) })
  }
  const { terms } = job.asked
  return {
    histories: reads.flatMap(({ histories }) => histories),
    labelled: reads.some(({ labelled }) => labelled),
    sha256:
      reads.length === 1
        ? reads[0].sha256
        : createHash('sha256')
            .update(reads.map(({ sha256 }) => sha256).join('\n'))
            .digest('hex'),
    sources: reads.map(({ name, rows }) => ({ name, rows, ...(terms === undefined ? {} : { terms }) })),
  }
}
