/**
 * The live stream of what happens, for whoever watches. It costs nothing when nobody does, and never slows an answer.
 *
 * Every event has an id, `EPOCH-NUMBER`; numbers have no gap. What was sent is remembered for a while, so that a watcher
 * who lost the connection, or who takes over from another, goes on after the last event that it knows.
 */
import type { Prediction } from '../domain/prediction.ts'

export interface FeedEvent {
  readonly id: string
  /** `skipped` counts the predictions that were not shown because more happened than a person can read. */
  readonly event: 'prediction' | 'feedback' | 'stage' | 'skipped'
  readonly body: object
}

/** Events that are sent together, in their order. */
export type FeedBatch = readonly FeedEvent[]

export interface Watch {
  /** What was sent after the event that the watcher knows; null where that is not remembered: it has to start afresh. */
  readonly missed: readonly FeedEvent[] | null
  readonly leave: () => void
}

/** Ten batches a second of at most fifty events: 500 a second is far beyond reading, and well within a browser. */
const BATCH_MS = 100
const EVENTS_MAX = 50
const TEXT_CHARS_MAX = 280
/** Events that are remembered: at least four seconds of the fastest stream, and minutes of a usual one; 1.5 MB at most. */
const REMEMBERED_MAX = 2000
/** How long the stream goes on being remembered when the last watcher has left. */
const REMEMBERED_MS = 60_000

export class Feed {
  readonly #epoch: string
  readonly #watchers = new Set<(batch: FeedBatch) => void>()
  /** What was sent, oldest first. */
  #sent: FeedEvent[] = []
  /** Number of the newest event, sent or about to be. */
  #newest = 0
  #events: FeedEvent[] = []
  #skipped = 0
  #timer: NodeJS.Timeout | null = null
  /** Runs while nobody watches and the stream is remembered all the same. */
  #forgetting: NodeJS.Timeout | null = null

  /** @param epoch letters and digits that no other process, and no later one, has */
  constructor(epoch: string) {
    this.#epoch = epoch
  }

  /** Somebody watches, or did a moment ago. */
  get watched(): boolean {
    return this.#watchers.size > 0 || this.#forgetting !== null
  }

  /** A prediction that is in the log now. */
  prediction(row: Prediction): void {
    if (!this.watched) return
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
    if (this.watched) this.#publish('feedback', body)
  }

  stage(body: object): void {
    if (this.watched) this.#publish('stage', body)
  }

  /**
   * @param watcher is told of every batch from now on
   * @param after   id of the last event that it knows; null where it begins
   */
  watch(watcher: (batch: FeedBatch) => void, after: string | null = null): Watch {
    const missed = after === null ? [] : this.#after(after)
    if (this.#forgetting !== null) clearTimeout(this.#forgetting)
    this.#forgetting = null
    this.#watchers.add(watcher)
    return {
      missed,
      leave: () => {
        if (!this.#watchers.delete(watcher) || this.#watchers.size > 0) return
        this.#forgetting = setTimeout(() => this.close(), REMEMBERED_MS).unref()
      },
    }
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#forgetting !== null) clearTimeout(this.#forgetting)
    this.#timer = this.#forgetting = null
    this.#watchers.clear()
    this.#events = []
    this.#skipped = 0
    this.#sent = []
    // A number that nobody was told: whoever comes back later sees that there is a gap.
    this.#newest++
  }

  #after(id: string): readonly FeedEvent[] | null {
    const [, epoch, digits] = /^([^-]*)-(\d+)$/.exec(id) ?? []
    const sentUpTo = this.#newest - this.#events.length
    const known = Number(digits)
    if (epoch !== this.#epoch || known > sentUpTo) return null
    const count = sentUpTo - known
    return count > this.#sent.length ? null : this.#sent.slice(this.#sent.length - count)
  }

  #publish(event: FeedEvent['event'], body: object): void {
    this.#events.push({ id: `${this.#epoch}-${++this.#newest}`, event, body })
    this.#timer ??= setTimeout(() => this.#send(), BATCH_MS).unref()
  }

  #send(): void {
    if (this.#skipped > 0) this.#publish('skipped', { predictions: this.#skipped })
    const batch = this.#events
    this.#timer = null
    this.#events = []
    this.#skipped = 0
    this.#sent.push(...batch)
    // A slice now and then instead of one at each event.
    if (this.#sent.length > 2 * REMEMBERED_MAX) this.#sent = this.#sent.slice(-REMEMBERED_MAX)
    for (const watcher of this.#watchers) watcher(batch)
  }
}
