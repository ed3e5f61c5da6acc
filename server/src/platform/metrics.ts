/**
 * What Prometheus reads at GET /metrics. The names are the reference pipeline's, so that its queries run verbatim.
 * No text, request id or key is ever a label.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** From 0.1 ms to 10 s: a linear model at rest, a transformer under load. */
const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The confidence gauge is the mean of this many newest predictions of a version. */
const CONFIDENCE_ROWS = 1000

/** Gauges of prom-client with the suffix of a counter, which `promtool check metrics` refuses; sums of others that stay. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** The counters of one live version, bound once so that a prediction costs no lookup. */
export interface VersionTally {
  /** @param label index into the version's labels; @param seconds from the taken-in request to the commit */
  predicted(label: number, confidence: number, drift: boolean, seconds: number): void
}

export interface VersionNames {
  readonly task: string
  readonly name: string
  readonly number: number
  readonly labels: readonly string[]
  /** A cascade says how many texts each of its parts has answered. */
  readonly model?: { readonly labels: readonly string[]; readonly shares?: Readonly<Record<string, number>> }
}

export interface Gauges {
  readonly journalDepth: () => number
  /** Connections to a database server; null where there is none. */
  readonly connections: () => { readonly open: number; readonly idle: number; readonly waiting: number } | null
  readonly serving: () => readonly VersionNames[]
  /** Texts that wait for a neural model. */
  readonly scoringDepth: () => number
  /** Failures of the database by the code of their fault, and whether damage was met. */
  readonly storeFailures: () => { readonly counts: Readonly<Record<string, number>>; readonly damaged: boolean }
}

/** Texts of a batch. */
const ROWS = [1, 2, 3, 4, 6, 8, 12, 16, 32, 64]

export class Metrics {
  readonly registry = new Registry()
  readonly #requests = this.#counter('ml_requests_total', 'HTTP requests by route pattern.', ['route'])
  readonly #errors = this.#counter('ml_errors_total', 'HTTP requests that the server failed (5xx), by route pattern.', [
    'route',
  ])
  readonly #faults = this.#counter('ml_faults_total', 'Faults answered, by code.', ['code'])
  readonly #predictions = this.#counter('ml_predictions_total', 'Predictions that were logged.', [
    'sentiment',
    'label',
    'task',
    'model',
    'version',
  ])
  readonly #feedback = this.#counter(
    'ml_feedback_total',
    'True labels that arrived, by whether the prediction was right.',
    ['task', 'outcome'],
  )
  readonly #duration = new Histogram({
    name: 'ml_prediction_duration_seconds',
    help: 'From the request taken in to its commit.',
    labelNames: ['task', 'model', 'version'],
    buckets: SECONDS,
    registers: [this.registry],
  })
  readonly #confidence = new Gauge({
    name: 'ml_confidence_score',
    help: `Mean confidence of the newest ${CONFIDENCE_ROWS} predictions.`,
    labelNames: ['task', 'model', 'version'],
    registers: [this.registry],
  })
  readonly #drift = new Gauge({
    name: 'ml_drift_detected',
    help: '1 while the rolling window of text length and confidence has drifted from the reference.',
    labelNames: ['task', 'model', 'version'],
    registers: [this.registry],
  })
  readonly #explanation = new Histogram({
    name: 'ml_explanation_duration_seconds',
    help: 'Time to explain one text.',
    buckets: SECONDS,
    registers: [this.registry],
  })
  readonly #batchRows = new Histogram({
    name: 'ml_scoring_batch_texts',
    help: 'Texts that a neural model scored together.',
    buckets: ROWS,
    registers: [this.registry],
  })
  readonly #waited = new Histogram({
    name: 'ml_scoring_wait_seconds',
    help: 'Time that a text waited for a neural model to begin with it.',
    buckets: SECONDS,
    registers: [this.registry],
  })
  readonly #tokens = this.#counter('ml_scoring_tokens_total', 'Tokens that neural models read, by what they are.', [
    'of',
  ])
  readonly #ended = this.#counter('ml_scoring_failures_total', 'Batches that a scoring thread did not answer.', [])
  readonly #tallies = new Map<string, VersionTally>()

  constructor(gauges: Gauges) {
    collectDefaultMetrics({ register: this.registry })
    for (const name of MISNAMED) this.registry.removeSingleMetric(name)
    const waiting = new Gauge({
      name: 'ml_journal_rows_waiting',
      help: 'Predictions that wait for their commit.',
      registers: [],
      collect() {
        this.set(gauges.journalDepth())
      },
    })
    const serving = new Gauge({
      name: 'ml_model_info',
      help: 'The version that serves a task: always 1.',
      labelNames: ['task', 'model', 'version'],
      registers: [],
      collect() {
        this.reset()
        for (const { task, name, number } of gauges.serving())
          this.set({ task, model: name, version: String(number) }, 1)
      },
    })
    const scoring = new Gauge({
      name: 'ml_scoring_texts_waiting',
      help: 'Texts that wait for a neural model.',
      registers: [],
      collect() {
        this.set(gauges.scoringDepth())
      },
    })
    const parts = new Counter({
      name: 'ml_cascade_answers_total',
      help: 'Texts that each part of a cascade has answered since it was opened.',
      labelNames: ['task', 'model', 'version', 'part'],
      registers: [],
      collect() {
        this.reset()
        for (const { task, name, number, model } of gauges.serving())
          for (const [part, texts] of Object.entries(model?.shares ?? {}))
            this.inc({ task, model: name, version: String(number), part }, texts)
      },
    })
    const failures = new Counter({
      name: 'ml_store_failures_total',
      help: 'Commits and queries that the database failed, by the code of their fault.',
      labelNames: ['code'],
      registers: [],
      collect() {
        this.reset()
        for (const [code, count] of Object.entries(gauges.storeFailures().counts)) this.inc({ code }, count)
      },
    })
    const damaged = new Gauge({
      name: 'ml_store_damaged',
      help: '1 when damage was met in the database since the start.',
      registers: [],
      collect() {
        this.set(gauges.storeFailures().damaged ? 1 : 0)
      },
    })
    this.registry.registerMetric(failures)
    this.registry.registerMetric(damaged)
    const connections = new Gauge({
      name: 'ml_database_connections',
      help: 'PostgreSQL: connections that are open, those of them that are idle, and callers that wait for one.',
      labelNames: ['state'],
      registers: [],
      collect() {
        this.reset()
        for (const [state, count] of Object.entries(gauges.connections() ?? {})) this.set({ state }, count)
      },
    })
    this.registry.registerMetric(connections)
    this.registry.registerMetric(parts)
    this.registry.registerMetric(waiting)
    this.registry.registerMetric(scoring)
    this.registry.registerMetric(serving)
  }

  /** Makes a route's counters exist from the start, so that their rate is defined before the first error. */
  route(pattern: string): { requested(): void; failed(): void } {
    const requests = this.#requests.labels(pattern)
    const errors = this.#errors.labels(pattern)
    requests.inc(0)
    errors.inc(0)
    return { requested: () => requests.inc(), failed: () => errors.inc() }
  }

  /** A batch of a neural model begins. The share of padding is padding ÷ (text + padding). */
  batch(rows: number, tokens: number, paddedTokens: number): void {
    this.#batchRows.observe(rows)
    this.#tokens.inc({ of: 'text' }, tokens)
    this.#tokens.inc({ of: 'padding' }, paddedTokens - tokens)
  }

  waited(seconds: number): void {
    this.#waited.observe(seconds)
  }

  batchFailed(): void {
    this.#ended.inc()
  }

  fault(code: string): void {
    this.#faults.inc({ code })
  }

  feedback(task: string, correct: boolean): void {
    this.#feedback.inc({ task, outcome: correct ? 'correct' : 'wrong' })
  }

  explained(seconds: number): void {
    this.#explanation.observe(seconds)
  }

  tally(version: VersionNames): VersionTally {
    const key = `${version.name}@${version.number}`
    const known = this.#tallies.get(key)
    if (known !== undefined) return known
    const of = { task: version.task, model: version.name, version: String(version.number) }
    const byLabel = version.labels.map((label) => {
      const sentiment = version.task === 'sentiment' ? label.toUpperCase() : ''
      const counter = this.#predictions.labels({ ...of, label, sentiment })
      counter.inc(0)
      return counter
    })
    const duration = this.#duration.labels(of)
    const confidence = this.#confidence.labels(of)
    const drifted = this.#drift.labels(of)
    drifted.set(0)
    const newest = new Float64Array(CONFIDENCE_ROWS)
    let rows = 0
    let sum = 0
    const tally: VersionTally = {
      predicted(label, confidenceNow, drift, seconds) {
        byLabel[label].inc()
        duration.observe(seconds)
        const at = rows++ % CONFIDENCE_ROWS
        sum += confidenceNow - newest[at]
        newest[at] = confidenceNow
        confidence.set(sum / Math.min(rows, CONFIDENCE_ROWS))
        drifted.set(drift ? 1 : 0)
      },
    }
    this.#tallies.set(key, tally)
    return tally
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] })
  }
}
