/**
 * A training run: one attempt to make a version. What was asked, what happened, what came of it.
 *
 * A run is data: it can be asked for in one process, worked on in another, watched from a third, and taken up again
 * after all of them have died.
 */
import type { FaultCode } from './faults.ts'
import type { Millis } from './time.ts'

export const trainingStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted'] as const
/**
 * queued → running → succeeded | failed | cancelled. A run whose process died or was stopped is `interrupted`; it can
 * be taken up again (→ running) or cancelled.
 */
export type TrainingState = (typeof trainingStates)[number]

export function isOver(state: TrainingState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled'
}

/** A file of rows, as the data-set reader takes it. */
export interface TrainingFile {
  readonly kind: 'file'
  /** Absolute. */
  readonly path: string
  readonly textColumn?: string
  readonly labelColumn?: string
  /** False: the first line is a row already. */
  readonly header?: boolean
  /** By the name's ending, or else by what the file begins with. */
  readonly format?: 'csv' | 'tsv' | 'jsonl' | 'txt' | 'parquet'
  /** By its byte order mark, or else UTF-8. */
  readonly encoding?: string
  /** Its labels, where it has any, are not looked at: for a student, or for pre-training. */
  readonly unlabelled?: boolean
}

/** Logged texts with the labels of their feedback. */
export interface TrainingFeedback {
  readonly kind: 'feedback'
  readonly task: string
  readonly since?: Millis
}

/** Logged texts without their labels: for distillation, or for pre-training. */
export interface TrainingLog {
  readonly kind: 'log'
  readonly task: string
  readonly since?: Millis
}

export type TrainingData = TrainingFile | TrainingFeedback | TrainingLog

/** A source of rows in a few words. */
export function dataWords(data: TrainingData): string {
  return data.kind === 'file' ? data.path : `${data.kind} of ${data.task}`
}

export type Setting = number | string | boolean

/** All that a run needs to know; kept with it, so that it can be resumed and repeated. */
export interface TrainingAsked {
  readonly model: string
  readonly task: string
  readonly recipe: string
  readonly data: readonly TrainingData[]
  /** Rows that are only measured on. */
  readonly test: TrainingFile | null
  /** What the weights start from: `hf:OWNER/NAME`, `NAME@VERSION`, a folder; null for what the recipe starts from. */
  readonly from: string | null
  /** The recipe's settings that differ from its own: epochs, batch, learningRate, samples, threads … */
  readonly parameters: Readonly<Record<string, Setting>>
  readonly seed: number
  /** Look for better parameters first, with this many trials. */
  readonly search: { readonly trials: number } | null
  /** Put the version into production at once. */
  readonly promote: boolean
  readonly why: string
  /** Licence or terms of the data. */
  readonly terms?: string
}

/** One moment of a training's curve. */
export interface TrainingPoint {
  readonly kind: 'point'
  /** Steps of the optimiser taken. */
  readonly step: number
  /** Passes over the rows, with the fraction of the present one. */
  readonly epoch: number
  /** Rows learned from, all passes together. */
  readonly rows: number
  /** Mean loss over the rows since the point before. */
  readonly loss: number
  /** Absent where the solver finds its own step. */
  readonly learningRate?: number
  /** L2 norm over all parameters, before clipping. */
  readonly gradientNorm?: number
  readonly rowsPerSecond: number
  readonly etaSeconds: number | null
  /** Of a search: the trial that it belongs to. */
  readonly trial?: number
}

/** What the model of this moment does on rows that it is not trained on. */
export interface TrainingEvaluated {
  readonly kind: 'evaluated'
  readonly epoch: number
  readonly rows: number
  /** By name: loss, accuracy, … */
  readonly metrics: Readonly<Record<string, number>>
  readonly trial?: number
}

export const trialStates = ['running', 'complete', 'pruned', 'failed'] as const

/** One attempt of a search; sent when it starts, after each of its epochs and when it ends. */
export interface TrainingTrial {
  readonly kind: 'trial'
  /** 0, 1, 2 … in the order of their start. */
  readonly number: number
  readonly state: (typeof trialStates)[number]
  readonly parameters: Readonly<Record<string, Setting>>
  /** [epochs] the objective (lower is better) after each epoch. */
  readonly values: readonly number[]
}

/** The objective of a trial: the best of its epochs, since its best checkpoint is what is kept. */
export function bestOf(values: readonly number[]): number {
  return Math.min(...values)
}

export type TrainingEvent =
  /** What is done from here on, in a few words: `reading`, `fitting`, `calibrating` … */
  | { readonly kind: 'phase'; readonly name: string }
  /** A sentence for the record of the run. */
  | { readonly kind: 'note'; readonly words: string }
  | TrainingPoint
  | TrainingEvaluated
  | TrainingTrial

/** An event in its place: `seq` counts from 1 within the run and never goes back. */
export interface KeptEvent {
  readonly seq: number
  readonly at: Millis
  readonly event: TrainingEvent
}

export interface TrainingRun {
  /** UUIDv7. */
  readonly id: string
  readonly asked: TrainingAsked
  readonly state: TrainingState
  readonly who: string
  readonly createdAt: Millis
  /** Of the first attempt. */
  readonly startedAt: Millis | null
  readonly endedAt: Millis | null
  /** When its process last wrote. */
  readonly heartbeatAt: Millis | null
  /** How often it was started: 2 after one interruption. */
  readonly attempts: number
  /** A cancellation was asked for; the process stops at its next heartbeat. */
  readonly cancelAsked: boolean
  /** Taken up again by the server after an interruption; a run of the command line waits for its person. */
  readonly unattended: boolean
  readonly result: { readonly model: string; readonly version: number } | null
  readonly fault: { readonly code: FaultCode; readonly say: string } | null
  readonly point: TrainingPoint | null
  readonly evaluated: TrainingEvaluated | null
}

/** Points that a run's curve keeps: enough for any screen. */
export const POINTS_MAX = 1024

/**
 * The curve is thinned by halving: of n points seen, those are kept whose ordinal (0, 1, 2 …) is a multiple of
 *
 *   stride(n) = the smallest power of two with ⌈n / stride⌉ ≤ max
 *
 * so that between max/2 and max of them are there, evenly spread, whenever the run is looked at. That it depends on n
 * alone makes every write of the curve idempotent and lets a resumed run continue where the first one was.
 */
export function curveStride(points: number, max = POINTS_MAX): number {
  let stride = 1
  while (Math.ceil(points / stride) > max) stride *= 2
  return stride
}
