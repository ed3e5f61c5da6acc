/**
 * Sends texts to a Barometer's POST /predict and says how it bore them. Always bounded, in time and in requests.
 *
 * Two shapes. Closed loop (`rate: null`): every connection sends its next text when its answer is there, so the rate is
 * what the server can do. Open loop: requests are due at even intervals, whatever the server does.
 *
 * Latency is counted from the sending of a request to the last byte of its answer. In an open loop a request that was
 * due while no connection was free counts from the time when it was due; else a server that stalls would be asked less
 * just then and look better than it is (coordinated omission: Tene 2013, “How not to measure latency”).
 */
import { type Answer, Connection } from './connection.ts'
import { Latencies, type LatencySummary } from './latencies.ts'
import { type Target, targetOf } from './target.ts'

export const CONNECTIONS_MAX = 1024
export const SECONDS_MAX = 3600
export const REQUESTS_MAX = 100_000_000
export const TEXTS_MAX = 10_000

const TICK_MS = 1
const PROGRESS_MS = 1000
const TIMEOUTS_CHECK_MS = 100
/** Waits this long before it connects again, doubled after every failure in a row. */
const RECONNECT_MS = 50
const RECONNECT_MS_MAX = 1000
/** Every answer's status is counted; of the good ones, one in this many is read and checked. */
const CHECK_EVERY = 64

export interface LoadOptions {
  /** The server's address, for instance `http://localhost:8000`. */
  readonly url: string
  readonly key: string | null
  /** Sent in turn, from the first again after the last; at most TEXTS_MAX. */
  readonly texts: readonly string[]
  /** Left out of the request when null: the server's default task. */
  readonly task?: string | null
  readonly connections: number
  readonly seconds: number
  /** Stops after this many requests; REQUESTS_MAX when left out. */
  readonly requestsMax?: number
  /** Requests a second over all connections; null for as many as the server answers. */
  readonly rate: number | null
  /** How long an answer may take. */
  readonly timeoutSeconds?: number
  /** Loading another machine needs this word: it is easily taken for an attack. */
  readonly allowRemote?: boolean
  readonly signal?: AbortSignal
  /** Called every second, and with the last state at the end. */
  readonly onProgress?: (progress: LoadProgress) => void
}

export interface LoadProgress {
  readonly elapsedSeconds: number
  readonly answered: number
  readonly failed: number
  /** Answers a second since the last call. */
  readonly ratePerSecond: number
}

export interface LoadReport {
  readonly url: string
  readonly connections: number
  readonly targetRate: number | null
  readonly seconds: number
  readonly sent: number
  /** Answers of any status. */
  readonly answered: number
  readonly answeredPerSecond: number
  /** Answers with a status of 200 to 299. */
  readonly succeeded: number
  /** Of the succeeded ones that were read (one in 64), those that were no prediction. */
  readonly malformed: number
  /** Open loop: requests that were due and could not be sent, because no connection was free until the end. */
  readonly unsent: number
  readonly latencyMs: LatencySummary
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Answers that were no success, by the fault's code (`unknown` where the body names none). */
  readonly faults: Readonly<Record<string, number>>
  /** Requests without an answer, by what happened: `timeout`, `closed`, `malformed`, or the system's word (ECONNRESET …). */
  readonly errors: Readonly<Record<string, number>>
  readonly bytesSent: number
  readonly bytesReceived: number
  /** True when it was stopped through its signal. */
  readonly aborted: boolean
}

/** The options make no sense, or ask for what is not allowed; the message says which and why. */
export class LoadRefused extends Error {
  override readonly name = 'LoadRefused'
}

/** @throws LoadRefused for options out of range, and for an address of another machine without `allowRemote`. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  checkOptions(options)
  const target = targetOf(options.url)
  if (target === null) throw new LoadRefused(`“${options.url}” is not an http or https address.`)
  if (!target.loopback && options.allowRemote !== true)
    throw new LoadRefused(`${target.host} is another machine; say so (--allow-remote) if you may load it.`)
  return new Run(options, target).report()
}

function checkOptions({ texts, connections, seconds, rate, requestsMax, timeoutSeconds }: LoadOptions): void {
  const within = (name: string, value: number, min: number, max: number) => {
    if (!(value >= min && value <= max)) throw new LoadRefused(`${name} must be from ${min} to ${max}, not ${value}.`)
  }
  within('The number of texts', texts.length, 1, TEXTS_MAX)
  if (!Number.isInteger(connections)) throw new LoadRefused('The number of connections must be a whole number.')
  within('The number of connections', connections, 1, CONNECTIONS_MAX)
  within('The time in seconds', seconds, 0.01, SECONDS_MAX)
  if (rate !== null) within('The rate a second', rate, 0.01, 1_000_000)
  if (requestsMax !== undefined) within('The number of requests', requestsMax, 1, REQUESTS_MAX)
  if (timeoutSeconds !== undefined) within('The time limit of an answer in seconds', timeoutSeconds, 0.01, SECONDS_MAX)
}

/** One connection's place in a run: what it waits for, and what it does after a failure. */
interface Lane {
  connection: Connection
  /** When the request under way counts from; NaN while the lane is free. */
  startedMs: number
  sentMs: number
  failuresInARow: number
  /** True between a failure and the next attempt to connect. */
  resting: boolean
}

class Run {
  readonly #options: LoadOptions
  readonly #target: Target
  readonly #requests: readonly Buffer[]
  readonly #requestsMax: number
  readonly #timeoutMs: number
  readonly #latencies = new Latencies()
  readonly #statuses: Record<string, number> = {}
  readonly #faults: Record<string, number> = {}
  readonly #errors: Record<string, number> = {}
  readonly #lanes: Lane[] = []
  readonly #free: Lane[] = []
  #startMs = 0
  #endMs = 0
  #sent = 0
  #answered = 0
  #succeeded = 0
  #malformed = 0
  #failed = 0
  #underWay = 0
  #bytesSent = 0
  #bytesReceived = 0
  #aborted = false
  #over = false

  constructor(options: LoadOptions, target: Target) {
    this.#options = options
    this.#target = target
    this.#requests = options.texts.map((text) => requestBytes(text, options, target))
    this.#requestsMax = options.requestsMax ?? REQUESTS_MAX
    this.#timeoutMs = (options.timeoutSeconds ?? 10) * 1000
  }

  async report(): Promise<LoadReport> {
    const { connections, seconds, signal, url, rate } = this.#options
    for (let i = 0; i < connections; i++) this.#lanes.push(this.#newLane())
    this.#startMs = performance.now()
    this.#endMs = this.#startMs + seconds * 1000
    for (const lane of this.#lanes) {
      if (rate === null) this.#send(lane, performance.now())
      else this.#free.push(lane)
    }
    await this.#untilOver(signal)
    const elapsedSeconds = (performance.now() - this.#startMs) / 1000
    for (const lane of this.#lanes) lane.connection.close()
    return {
      url,
      connections,
      targetRate: rate,
      seconds: elapsedSeconds,
      sent: this.#sent,
      answered: this.#answered,
      answeredPerSecond: this.#answered / elapsedSeconds,
      succeeded: this.#succeeded,
      malformed: this.#malformed,
      unsent: rate === null ? 0 : Math.max(0, this.#dueBy(Math.min(performance.now(), this.#endMs)) - this.#sent),
      latencyMs: this.#latencies.summary(),
      statuses: this.#statuses,
      faults: this.#faults,
      errors: this.#errors,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      aborted: this.#aborted,
    }
  }

  /** Drives timers until the time, the requests or the caller end the run and the last answer is in or given up. */
  #untilOver(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      let progressMs = this.#startMs
      let checkedMs = this.#startMs
      let answeredBefore = 0
      const tick = setInterval(() => {
        const nowMs = performance.now()
        if (signal?.aborted) this.#aborted = true
        if (this.#aborted || nowMs >= this.#endMs || this.#sent >= this.#requestsMax) this.#over = true
        if (this.#options.rate !== null) this.#sendDue(nowMs)
        if (nowMs - checkedMs >= TIMEOUTS_CHECK_MS) {
          checkedMs = nowMs
          this.#giveUpOverdue(nowMs)
        }
        const ended = this.#over && (this.#underWay === 0 || this.#aborted)
        if (nowMs - progressMs >= PROGRESS_MS || ended) {
          this.#options.onProgress?.({
            elapsedSeconds: (nowMs - this.#startMs) / 1000,
            answered: this.#answered,
            failed: this.#failed,
            ratePerSecond: ((this.#answered - answeredBefore) * 1000) / Math.max(1, nowMs - progressMs),
          })
          progressMs = nowMs
          answeredBefore = this.#answered
        }
        if (!ended) return
        clearInterval(tick)
        resolve()
      }, TICK_MS)
    })
  }

  #newLane(): Lane {
    const lane: Lane = {
      startedMs: NaN,
      sentMs: NaN,
      failuresInARow: 0,
      resting: false,
      connection: new Connection(this.#target, {
        answered: (answer) => this.#answeredBy(lane, answer),
        lost: (why) => this.#lostBy(lane, why),
      }),
    }
    return lane
  }

  #send(lane: Lane, startedMs: number): void {
    if (this.#over || this.#sent >= this.#requestsMax) return
    const bytes = this.#requests[this.#sent++ % this.#requests.length]
    lane.startedMs = startedMs
    lane.sentMs = performance.now()
    this.#underWay++
    this.#bytesSent += bytes.length
    lane.connection.send(bytes)
  }

  /** How many requests are due by `nowMs` in an open loop: one at the start, then one every 1/rate seconds. */
  #dueBy(nowMs: number): number {
    const rate = this.#options.rate ?? 0
    return Math.min(this.#requestsMax, Math.floor(((nowMs - this.#startMs) / 1000) * rate) + 1)
  }

  /** Gives what is due to the free connections. These were free when it became due, so it counts from now. */
  #sendDue(nowMs: number): void {
    while (!this.#over && this.#sent < this.#dueBy(nowMs)) {
      const lane = this.#free.pop()
      if (lane === undefined) return
      this.#send(lane, performance.now())
    }
  }

  #answeredBy(lane: Lane, answer: Answer): void {
    const nowMs = performance.now()
    this.#latencies.add(nowMs - lane.startedMs)
    this.#answered++
    this.#underWay--
    this.#bytesReceived += answer.bytes
    lane.startedMs = NaN
    lane.failuresInARow = 0
    add(this.#statuses, String(answer.status))
    if (answer.status >= 200 && answer.status < 300) {
      this.#succeeded++
      if (this.#succeeded % CHECK_EVERY === 1 && !isPrediction(answer.body())) this.#malformed++
    } else {
      this.#failed++
      add(this.#faults, faultCode(answer.body()))
    }
    this.#next(lane, nowMs)
  }

  /** The connection went away, with the request that was under way on it if there was one. */
  #lostBy(lane: Lane, why: string): void {
    if (!Number.isNaN(lane.startedMs)) {
      this.#failed++
      this.#underWay--
      lane.startedMs = NaN
      lane.failuresInARow++
      add(this.#errors, why)
      const restMs = Math.min(RECONNECT_MS_MAX, RECONNECT_MS * 2 ** (lane.failuresInARow - 1))
      lane.resting = true
      setTimeout(() => {
        lane.resting = false
        if (!this.#over) this.#next(lane, performance.now())
      }, restMs).unref()
    }
  }

  #next(lane: Lane, nowMs: number): void {
    const { rate } = this.#options
    if (rate === null) this.#send(lane, nowMs)
    else if (this.#sent < this.#dueBy(nowMs)) this.#send(lane, this.#startMs + (this.#sent * 1000) / rate)
    else this.#free.push(lane)
  }

  #giveUpOverdue(nowMs: number): void {
    for (const lane of this.#lanes) {
      if (!lane.resting && nowMs - lane.sentMs > this.#timeoutMs && !Number.isNaN(lane.startedMs))
        lane.connection.abandon('timeout')
    }
  }
}

function requestBytes(text: string, { key, task }: LoadOptions, target: Target): Buffer {
  const body = Buffer.from(JSON.stringify(task === undefined || task === null ? { text } : { text, task }))
  const head =
    `POST ${target.path}/predict HTTP/1.1\r\nhost: ${target.authority}\r\ncontent-type: application/json\r\n` +
    `content-length: ${body.length}\r\n${key === null ? '' : `authorization: Bearer ${key}\r\n`}\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

function isPrediction(body: string): boolean {
  const answer = parsed(body)
  return typeof answer?.['id'] === 'string' && typeof answer['label'] === 'string'
}

function faultCode(body: string): string {
  const error = parsed(body)?.['error']
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'unknown'
}

function parsed(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null // any object has string keys
  } catch {
    return null
  }
}
