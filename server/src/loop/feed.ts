/** The live stream of what happens, for whoever watches. It costs nothing when nobody does, and never slows an answer. */
import type { Prediction } from '../domain/prediction.ts'

export interface FeedEvent {
  readonly event: 'prediction' | 'feedback' | 'stage'
  readonly body: object
}

/** Predictions that were not shown because more happened than a person can read. */
export interface FeedBatch {
  readonly events: readonly FeedEvent[]
  readonly skipped: number
}

/** Ten batches a second of at most fifty events: 500 a second is far beyond reading, and well within a browser. */
const BATCH_MS = 100
const EVENTS_MAX = 50
const TEXT_CHARS_MAX = 280

export class Feed {
  readonly #watchers = new Set<(batch: FeedBatch) => void>()
  #events: FeedEvent[] = []
  #skipped = 0
  #timer: NodeJS.Timeout | null = null

  get watched(): boolean {
    return this.#watchers.size > 0
  }

  /** A prediction that is in the log now. */
  prediction(row: Prediction): void {
    if (this.#watchers.size === 0) return
    if (this.#events.length >= EVENTS_MAX) {
      this.#skipped++
      return
    }
    this.#publish('prediction', {
      id: row.id,
      at: new Date(row.at).toISOString(),
      task: row.task,
      model: row.model,
      version: row.version,
      label: row.label,
      confidence: row.confidence,
      latency_ms: row.latencyMs,
      drift: row.drift,
      source: row.source,
      text: row.text === null ? null : row.text.slice(0, TEXT_CHARS_MAX).toWellFormed(),
    })
  }

  feedback(body: { prediction_id: string; label: string; correct: boolean }): void {
    if (this.#watchers.size > 0) this.#publish('feedback', body)
  }

  stage(body: object): void {
    if (this.#watchers.size > 0) this.#publish('stage', body)
  }

  /** @returns the function that ends the watching. */
  watch(watcher: (batch: FeedBatch) => void): () => void {
    this.#watchers.add(watcher)
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#clear()
    }
  }

  close(): void {
    this.#watchers.clear()
    this.#clear()
  }

  #publish(event: FeedEvent['event'], body: object): void {
    this.#events.push({ event, body })
    this.#timer ??= setTimeout(() => this.#send(), BATCH_MS).unref()
  }

  #send(): void {
    const batch = { events: this.#events, skipped: this.#skipped }
    this.#clear()
    for (const watcher of this.#watchers) watcher(batch)
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#events = []
    this.#skipped = 0
  }
}
