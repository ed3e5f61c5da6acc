/**
 * The one owner of the queue and of the threads that score texts with neural models. All models share the threads, so
 * that there are never more than there are cores, however many versions are open.
 *
 *   submit → [waiting] → a thread without work takes a batch (chooseBatch) → logits → the promises of its texts
 *
 * Nothing waits for a batch to fill: a thread without work takes what is there. A full queue refuses, a text whose time
 * is up is refused, one whose caller has left is dropped, and a thread that ends is started anew; its texts are tried
 * once more, each alone. After text-embeddings-inference (Hugging Face), core/src/queue.rs.
 */
import { Worker } from 'node:worker_threads'
import { Fault } from '../../domain/faults.ts'
import type { ScoreOptions } from '../../models/textModel.ts'
import { type BatchLimits, chooseBatch, type Waiting } from './chooseBatch.ts'
import type { FromThread, ModelForm, ModelSource, TextBatch, ThreadData, ToThread } from './messages.ts'

export interface ScoringPoolOptions {
  readonly threads: number
  /** Texts that may wait. */
  readonly textsMax: number
  readonly limits?: Partial<BatchLimits>
  /** Niceness of the threads, 0 to 19. */
  readonly niceness?: number
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
  readonly observe?: ScoringPoolObserver
}

/** Events, for metrics and the log. */
export interface ScoringPoolObserver {
  readonly batch: (rows: number, tokens: number, paddedTokens: number) => void
  /** From the text's arrival to its batch's start. */
  readonly waited: (seconds: number) => void
  readonly ended: (why: string) => void
}

/** Tokens of one text. */
export interface TextTokens {
  readonly ids: Int32Array
  readonly typeIds: Int32Array
}

export interface PooledModel {
  /** @returns [labels] logits, before any temperature */
  score(tokens: TextTokens, options: ScoreOptions): Promise<Float32Array>
  /** Answers what was accepted, then closes the sessions. */
  close(): Promise<void>
}

const LIMITS: BatchLimits = { paddedTokensMax: 16_384, rowsMax: 64, tokensEnough: 512, paddingTokensMax: 12 }
/** How often waiting texts are checked for a deadline that has passed. */
const SWEEP_MS = 100
/** A thread that ends again and again is started after a pause that doubles up to the second of these. */
const RESTART_MS = { first: 100, most: 10_000 } as const
/** A thread that has lived so long starts afresh with the first pause. */
const HEALTHY_MS = 60_000

interface Text extends Waiting {
  readonly tokens: TextTokens
  readonly isAbandoned: (() => boolean) | undefined
  readonly cameMs: number
  readonly untilMs: number
  again: boolean
  readonly resolve: (logits: Float32Array) => void
  readonly reject: (error: Error) => void
}

interface Model {
  readonly id: number
  readonly source: ModelSource
  readonly form: ModelForm
  /** As the threads that opened it say. */
  packed: boolean
  /** Texts that wait or are being scored. */
  texts: number
  closing: PromiseWithResolvers<void> | null
}

interface Thread {
  readonly index: number
  worker: Worker | null
  startedMs: number
  pauseMs: number
  /** Models that it has opened. */
  readonly open: Set<number>
  /** In the order in which they were asked for. */
  readonly opening: Map<number, PromiseWithResolvers<void>>
  /** The batch that it is at. */
  batch: readonly Text[] | null
}

export class ScoringPool {
  readonly #options: ScoringPoolOptions
  readonly #limits: BatchLimits
  readonly #models = new Map<number, Model>()
  readonly #threads: Thread[]
  #waiting: Text[] = []
  #nextModel = 1
  #sweeping: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(options: ScoringPoolOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.#threads = Array.from({ length: options.threads }, (_, index) => ({
      index,
      worker: null,
      startedMs: 0,
      pauseMs: RESTART_MS.first,
      open: new Set(),
      opening: new Map(),
      batch: null,
    }))
  }

  /** Texts that wait for a thread. */
  get depth(): number {
    return this.#waiting.length
  }

  /**
   * Opens a model on every thread; where others are served, on one thread after another, so that the rest keep serving.
   * Rejects with the reason where one cannot.
   */
  async open(source: ModelSource, form: ModelForm): Promise<PooledModel> {
    const model: Model = { id: this.#nextModel++, source, form, packed: false, texts: 0, closing: null }
    this.#models.set(model.id, model)
    try {
      if (this.#models.size === 1) await Promise.all(this.#threads.map((thread) => this.#openOn(thread, model)))
      else for (const thread of this.#threads) await this.#openOn(thread, model)
    } catch (error) {
      this.#end(model)
      throw error
    }
    return {
      score: (tokens, options) => this.#submit(model, tokens, options),
      close: () => this.#close(model),
    }
  }

  /** Ends the threads; what still waits is refused. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#sweeping !== null) clearInterval(this.#sweeping)
    for (const text of this.#waiting.splice(0)) this.#settle(text, new Fault('stopping'))
    await Promise.all(this.#threads.map(async (thread) => this.#dismiss(thread)))
  }

  #submit(model: Model, tokens: TextTokens, options: ScoreOptions): Promise<Float32Array> {
    if (model.closing !== null || this.#isClosed) return Promise.reject(new Fault('stopping'))
    if (this.#waiting.length >= this.#options.textsMax) this.#dropLeft()
    if (this.#waiting.length >= this.#options.textsMax)
      return Promise.reject(
        new Fault('queue_full', {
          say: `The scoring queue is full: ${this.#waiting.length} texts wait.`,
          retryAfterSeconds: 1,
        }),
      )
    return new Promise((resolve, reject) => {
      const cameMs = this.#options.nowMs()
      this.#waiting.push({
        tokens,
        length: tokens.ids.length,
        model: model.id,
        packed: model.packed,
        bulk: options.bulk === true,
        again: false,
        isAbandoned: options.isAbandoned,
        cameMs,
        untilMs: cameMs + options.deadlineMs,
        resolve,
        reject,
      })
      model.texts++
      this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
      this.#handOut()
    })
  }

  /** Gives every thread that has nothing to do a batch, while there are texts for it. */
  #handOut(): void {
    const idle = this.#threads.filter(isIdle)
    while (idle.length > 0 && this.#waiting.length > 0) {
      const thread = idle[0]
      const places = [...this.#waiting.keys()].filter((i) => thread.open.has(this.#waiting[i].model))
      const share = Math.ceil((places.length + this.#atWork()) / this.#threads.length)
      const chosen = chooseBatch(
        places.map((i) => this.#waiting[i]),
        share,
        this.#limits,
      )
      if (chosen.length === 0) idle.shift()
      const batch = this.#take(chosen.map((k) => places[k])).filter((text) => !this.#isOver(text))
      if (batch.length === 0) continue
      const isAlone = idle.length === this.#threads.length && this.#waiting.length === 0
      this.#send(thread, batch, isAlone)
      idle.shift()
    }
  }

  /** Texts that threads are at. */
  #atWork(): number {
    return this.#threads.reduce((sum, { batch }) => sum + (batch?.length ?? 0), 0)
  }

  /** Takes texts out of the queue. */
  #take(indices: readonly number[]): Text[] {
    const taken = indices.map((i) => this.#waiting[i])
    const gone = new Set(taken)
    this.#waiting = this.#waiting.filter((text) => !gone.has(text))
    return taken
  }

  #send(thread: Thread, batch: readonly Text[], isAlone: boolean): void {
    const packed = packedOf(batch, this.#models.get(batch[0].model)?.form.padId ?? 0)
    thread.batch = batch
    const { observe, nowMs } = this.#options
    if (observe !== undefined) {
      const now = nowMs()
      const tokens = batch.reduce((sum, text) => sum + text.length, 0)
      observe.batch(packed.rows, tokens, packed.rows * packed.length)
      for (const text of batch) observe.waited((now - text.cameMs) / 1000)
    }
    this.#tell(thread, { kind: 'score', model: batch[0].model, batch: packed, wide: isAlone && thread.index === 0 })
  }

  #tell(thread: Thread, message: ToThread): void {
    thread.worker?.postMessage(message)
  }

  #heard(thread: Thread, message: FromThread): void {
    switch (message.kind) {
      case 'opened': {
        const model = this.#models.get(message.model)
        if (model !== undefined) model.packed = message.packed
        thread.open.add(message.model)
        thread.opening.get(message.model)?.resolve()
        thread.opening.delete(message.model)
        break
      }
      case 'not-opened':
        thread.opening.get(message.model)?.reject(new Error(message.why))
        thread.opening.delete(message.model)
        break
      case 'scored': {
        const batch = thread.batch ?? []
        const labels = message.logits.length / batch.length
        thread.batch = null
        for (const [i, text] of batch.entries())
          this.#settle(text, message.logits.subarray(i * labels, (i + 1) * labels))
        break
      }
      case 'not-scored': {
        const batch = thread.batch ?? []
        thread.batch = null
        this.#again(batch, message.why)
        break
      }
      default:
        message satisfies never
    }
    this.#handOut()
  }

  /** Texts whose batch failed go to the front, to be scored alone; those that had their second try are refused. */
  #again(batch: readonly Text[], why: string): void {
    this.#options.observe?.ended(why)
    const rest: Text[] = []
    for (const text of batch) {
      if (text.again) this.#settle(text, new Fault('scoring_failed'))
      else {
        text.again = true
        rest.push(text)
      }
    }
    this.#waiting = [...rest, ...this.#waiting]
  }

  #settle(text: Text, outcome: Float32Array | Fault): void {
    if (outcome instanceof Fault) text.reject(outcome)
    else text.resolve(outcome)
    const model = this.#models.get(text.model)
    if (model === undefined) return
    model.texts--
    if (model.closing !== null && model.texts === 0) this.#end(model)
  }

  /** Refuses a text whose caller is gone. */
  #isOver(text: Text): boolean {
    if (text.isAbandoned?.() === true) this.#settle(text, new Fault('caller_left'))
    else if (this.#options.nowMs() > text.untilMs)
      this.#settle(text, new Fault('timeout', { say: 'The text waited too long for its score.', retryAfterSeconds: 1 }))
    else return false
    return true
  }

  #sweep(): void {
    const { nowMs } = this.#options
    const now = nowMs()
    if (this.#waiting.some((text) => now > text.untilMs))
      this.#waiting = this.#waiting.filter((text) => !this.#isOver(text))
    if (this.#waiting.length > 0 || this.#sweeping === null) return
    clearInterval(this.#sweeping)
    this.#sweeping = null
  }

  #dropLeft(): void {
    this.#waiting = this.#waiting.filter((text) => text.isAbandoned === undefined || !this.#isOver(text))
  }

  #close(model: Model): Promise<void> {
    if (model.closing === null) {
      model.closing = Promise.withResolvers()
      if (model.texts === 0) this.#end(model)
    }
    return model.closing.promise
  }

  #end(model: Model): void {
    this.#models.delete(model.id)
    for (const thread of this.#threads) {
      thread.open.delete(model.id)
      this.#tell(thread, { kind: 'close', model: model.id })
    }
    model.closing?.resolve()
    if (this.#models.size > 0) return
    // Without a model no thread is needed, nor its memory.
    for (const thread of this.#threads) void this.#dismiss(thread)
  }

  /**
   * Ends a thread once it has done what it is at. Never by `terminate`: ONNX Runtime takes the whole process with it when
   * its thread is ended within a run.
   */
  async #dismiss(thread: Thread): Promise<void> {
    const { worker } = thread
    if (worker === null) return
    this.#tell(thread, { kind: 'end' })
    thread.worker = null
    thread.open.clear()
    await new Promise((resolve) => worker.once('exit', resolve))
  }

  #openOn(thread: Thread, model: Model): Promise<void> {
    if (thread.worker === null) this.#start(thread)
    const opening = Promise.withResolvers<void>()
    thread.opening.set(model.id, opening)
    this.#tell(thread, {
      kind: 'open',
      model: model.id,
      source: model.source,
      form: model.form,
      wideThreads: thread.index === 0 ? this.#threads.length : 1,
    })
    return opening.promise
  }

  #start(thread: Thread): void {
    const data: ThreadData = { niceness: this.#options.niceness ?? 0 }
    const worker = new Worker(new URL('./textThread.ts', import.meta.url), { workerData: data })
    thread.worker = worker
    thread.startedMs = this.#options.nowMs()
    let why = ''
    worker.on('message', (message: FromThread) => {
      if (thread.worker === worker) this.#heard(thread, message)
    })
    worker.on('error', (error) => {
      why = error instanceof Error ? error.message : String(error)
    })
    worker.on('exit', (code) => {
      if (thread.worker === worker && !this.#isClosed) this.#ended(thread, why || `exit code ${code}`)
    })
  }

  /** A thread has ended by itself: its texts are tried again, and it is started anew. */
  #ended(thread: Thread, why: string): void {
    thread.worker = null
    thread.open.clear()
    for (const opening of thread.opening.values()) opening.reject(new Error(`A scoring thread ended: ${why}`))
    thread.opening.clear()
    const batch = thread.batch ?? []
    thread.batch = null
    this.#again(batch, why)
    if (this.#options.nowMs() - thread.startedMs > HEALTHY_MS) thread.pauseMs = RESTART_MS.first
    setTimeout(() => this.#restart(thread), thread.pauseMs)
    thread.pauseMs = Math.min(2 * thread.pauseMs, RESTART_MS.most)
    this.#handOut()
  }

  #restart(thread: Thread): void {
    if (this.#isClosed || thread.worker !== null) return
    for (const model of this.#models.values()) {
      this.#openOn(thread, model).catch((error: unknown) => {
        this.#options.observe?.ended(error instanceof Error ? error.message : String(error))
      })
    }
  }
}

function isIdle(thread: Thread): boolean {
  return thread.worker !== null && thread.batch === null && thread.opening.size === 0
}

function packedOf(texts: readonly Text[], padId: number): TextBatch {
  const rows = texts.length
  const length = Math.max(...texts.map((text) => text.length))
  const ids = new Int32Array(rows * length).fill(padId)
  const lengths = new Int32Array(rows)
  let typeIds: Int32Array | null = null
  for (const [row, { tokens }] of texts.entries()) {
    ids.set(tokens.ids, row * length)
    lengths[row] = tokens.ids.length
    if (tokens.typeIds.some((type) => type !== 0)) {
      typeIds ??= new Int32Array(rows * length)
      typeIds.set(tokens.typeIds, row * length)
    }
  }
  return { rows, length, lengths, ids, typeIds }
}
