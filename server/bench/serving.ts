/** Requests a second and percentiles of Barometer and its peers, in turns within one run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loggedRows } from './barometer.ts'
import { idle, predict, type Running, type Subject, start } from './subject.ts'
import type { TextKind } from './texts.ts'
import { type LoadedStretch, stretch } from './wrk.ts'

export interface ServingPlan {
  readonly rounds: number
  readonly seconds: number
  readonly connections: readonly number[]
  readonly kinds: readonly TextKind[]
  readonly texts: Readonly<Record<TextKind, readonly string[]>>
}

/** One load of one server at one point. */
export interface Turn extends LoadedStretch {
  readonly what: 'turn'
  readonly round: number
  readonly name: string
  readonly kind: TextKind
  readonly connections: number
  /** Others on the machine took more than a fifth of a core: recorded, but not counted where there is a better one. */
  readonly disturbed: boolean
}

export interface Started {
  readonly what: 'started'
  readonly name: string
  readonly readyMs: number
  readonly firstAnswerMs: number
  readonly rssMb: number
  readonly versions: Readonly<Record<string, string>>
}

/** What holds that the figures are of right answers. */
export interface Checked {
  readonly what: 'checked'
  readonly name: string
  /** Answers that were read and judged, before, between and after the loads. */
  readonly judged: number
  /** Texts that got another label or confidence later than at first. */
  readonly changed: number
  readonly acknowledged: number
  /** Predictions in the log of the stopped server; null for a peer, whose log is a file that no answer waits for. */
  readonly logged: number | null
}

/** What the server's own GET /metrics says after the loads: whether it breathed freely under them. */
export interface Health {
  readonly what: 'health'
  readonly eventLoopLagP50Ms: number
  readonly eventLoopLagP99Ms: number
  /** Time in garbage collection, of all the time since the start. */
  readonly gcShare: number
  readonly heapMb: number
}

/** Texts of each kind whose answers are judged in each round. */
const SAMPLE = 16
const WARM_UP_SECONDS = 2
/** More than this, and a turn is taken again. */
const OTHER_CORES_MAX = 0.2
const ATTEMPTS = 3

/**
 * All servers run all the time; only one is loaded at a time, and each round begins with another one.
 *
 * @param barometerHome  the state's folder of the subject named `barometer`
 */
export async function serving(
  subjects: readonly Subject[],
  barometerHome: string,
  plan: ServingPlan,
  said: (line: Turn | Started | Checked | Health) => void,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'barometer-bench-'))
  const bodies = Object.fromEntries(
    plan.kinds.map((kind) => {
      const path = join(folder, `${kind}.jsonl`)
      writeFileSync(path, plan.texts[kind].map((text) => `${JSON.stringify({ text })}\n`).join(''))
      return [kind, path]
    }),
  )
  const contenders: Contender[] = []
  try {
    for (const subject of subjects) {
      const server = await start(subject)
      contenders.push(new Contender(server))
      const { readyMs, firstAnswerMs } = server
      const { name, versions } = subject
      said({ what: 'started', name, readyMs, firstAnswerMs, rssMb: server.memoryMb().now, versions })
    }
    for (const contender of contenders) {
      await contender.sample(plan)
      const most = Math.max(...plan.connections)
      for (const kind of plan.kinds) await contender.load(bodies[kind], most, WARM_UP_SECONDS)
    }
    for (let round = 0; round < plan.rounds; round++) {
      for (const kind of plan.kinds) {
        for (const connections of plan.connections) {
          for (let i = 0; i < contenders.length; i++) {
            const contender = contenders[(i + round) % contenders.length]
            for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
              const loaded = await contender.load(bodies[kind], connections, plan.seconds)
              const disturbed = loaded.otherCores > OTHER_CORES_MAX
              said({
                what: 'turn',
                round,
                name: contender.server.subject.name,
                kind,
                connections,
                disturbed,
                ...loaded,
              })
              if (!disturbed) break
            }
          }
        }
      }
      for (const contender of contenders) await contender.sample(plan)
    }
    for (const { server } of contenders) if (server.subject.name === 'barometer') said(await health(server))
  } finally {
    for (const { server } of contenders) await server.stop()
    rmSync(folder, { recursive: true })
  }
  for (const contender of contenders) {
    const logged = contender.server.subject.name === 'barometer' ? await loggedRows(barometerHome) : null
    said(contender.checked(logged))
  }
}

class Contender {
  readonly server: Running
  readonly #first = new Map<string, string>()
  #judged = 0
  #changed = 0
  /** Starting it took one prediction. */
  #acknowledged = 1

  constructor(server: Running) {
    this.server = server
  }

  async load(bodies: string, connections: number, seconds: number): Promise<LoadedStretch> {
    await idle(this.server)
    const loaded = await stretch(this.server, bodies, connections, seconds)
    this.#acknowledged += loaded.requests - loaded.refused
    return loaded
  }

  /** Reads and judges answers; the same text must get the same answer for as long as the server runs. */
  async sample(plan: ServingPlan): Promise<void> {
    for (const kind of plan.kinds) {
      for (const text of plan.texts[kind].slice(0, SAMPLE)) {
        const answer = JSON.stringify(await predict(this.server, text))
        this.#acknowledged++
        this.#judged++
        if ((this.#first.get(text) ?? answer) !== answer) this.#changed++
        this.#first.set(text, answer)
      }
    }
  }

  checked(logged: number | null): Checked {
    return {
      what: 'checked',
      name: this.server.subject.name,
      judged: this.#judged,
      changed: this.#changed,
      acknowledged: this.#acknowledged,
      logged,
    }
  }
}

async function health({ url }: Running): Promise<Health> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const sum = (name: string) =>
    text.split('\n').reduce((total, line) => total + (line.startsWith(name) ? Number(line.split(' ').at(-1)) : 0), 0)
  const upSeconds = Date.now() / 1000 - sum('process_start_time_seconds ')
  return {
    what: 'health',
    eventLoopLagP50Ms: sum('nodejs_eventloop_lag_p50_seconds ') * 1000,
    eventLoopLagP99Ms: sum('nodejs_eventloop_lag_p99_seconds ') * 1000,
    gcShare: sum('nodejs_gc_duration_seconds_sum{') / upSeconds,
    heapMb: sum('nodejs_heap_size_total_bytes ') / 1e6,
  }
}
