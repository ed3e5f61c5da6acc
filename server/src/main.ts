/** Builds everything, wires it, and stops it in reverse order. */
import { hash, randomBytes, randomFillSync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { AddressInfo, Server } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Logger, pino } from 'pino'
import { serverSecret } from './api/access/secret.ts'
import { buildApp } from './api/app.ts'
import { drain } from './api/drain.ts'
import { listen } from './api/listen.ts'
import type { Config } from './config.ts'
import { uuidv7Source } from './domain/ids.ts'
import { keeping } from './domain/redaction/keeping.ts'
import type { TrainingAsked } from './domain/trainingRun.ts'
import type { Version } from './domain/version.ts'
import { Feed } from './loop/feed.ts'
import { rollingWindow } from './loop/observe.ts'
import { registerStarters, type StarterNeeds, starterVersion } from './loop/register.ts'
import { retain } from './loop/retain.ts'
import { tail } from './loop/tail.ts'
import { logLine } from './platform/logLines.ts'
import { Metrics } from './platform/metrics.ts'
import { openHome } from './platform/openHome.ts'
import { every } from './platform/timers.ts'
import { modelOpener } from './serving/openModel.ts'
import { Releases } from './serving/releases.ts'
import { openStore } from './store/openStore.ts'
import type { Store } from './store/store.ts'
import type { TrainingQueue } from './training/jobs/trainingQueue.ts'
import { rollingReference } from './versions/artifacts/reference.ts'
import type { SettingNeeds } from './versions/import/applySetting.ts'

const FOLLOW_MS = 1000
/** Each has a model in the box, in a folder of its name. */
const BOX_TASKS = ['sentiment', 'severity']
const RETAIN_MS = 60_000
const TAIL_MS = 500
const TRAIN_MS = 1000
const TIDY_MS = 1000
/** The threads that score give way to the one that answers requests: under full load it is late by less. */
const SCORING_NICENESS = 2
/** Time that answers have to leave when the store is given up. */
const ABANDON_MS = 1000
const FETCH_TELL_MS = 5000
/** A start that failed waits so long for its parts to end; the process ends what is left. */
const TAKE_DOWN_MS = 3000
/** Below this share of its time the event loop rests. */
const RESTS_BELOW = 0.05
const root = fileURLToPath(new URL('../..', import.meta.url))

export interface RunningServer {
  readonly address: string
  /** Finishes what was accepted, then closes everything; calls after the first wait for the same end. */
  stop(): Promise<void>
}

export function barometerVersion(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'server/package.json'), 'utf8'))
  return version
}

/** @param signal ends the start, whatever it waits for; a server that runs is ended by `stop` */
export async function startServer(config: Config, signal?: AbortSignal): Promise<RunningServer> {
  const parts = new AsyncDisposableStack()
  try {
    return await untilAborted(build(config, parts), signal)
  } catch (error) {
    // A start that fails (a port in use, an address that needs a key) leaves no thread and no timer behind.
    // Why it failed is what matters: what fails or hangs when it is taken down adds nothing.
    await Promise.race([parts.disposeAsync().catch(() => {}), setTimeout(TAKE_DOWN_MS, null, { ref: false })])
    throw error
  }
}

/** What `work` comes to, or the abort: the work is left to fail on the parts that were taken from it. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  work.catch(() => {})
  const aborted = new Promise<never>((_, reject) => {
    const abort = () => reject(new DOMException('Stopped before it was ready.', 'AbortError'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
  })
  return await Promise.race([work, aborted])
}

/** Every part that must be ended goes onto `parts`, which ends them in reverse order. */
async function build(config: Config, parts: AsyncDisposableStack): Promise<RunningServer> {
  const startedAt = Date.now()
  const log = logger(config)
  openHome(config.home)
  const secret = serverSecret(config.home, config.secret)
  const store = await openStore({
    url: config.databaseUrl?.reveal() ?? null,
    home: config.home,
    now: Date.now,
    queueRowsMax: config.queueRowsMax,
    postgres: { poolMax: config.databasePoolMax },
    logger: log,
  })
  const abandon = storeLimit(store, config.shutdownSecondsMax)
  parts.defer(async () => {
    await store.close()
    abandon.cancel()
  })
  const metrics = new Metrics({
    journalDepth: () => store.journal.depth,
    connections: () => store.connections(),
    serving: () =>
      releases.tasks.map((task) => {
        const { served, ...names } = releases.serving(task)
        return { ...names, ...('model' in served ? { model: served.model } : {}) }
      }),
    scoringDepth: () => opener.depth(),
    storeFailures: () => store.failures,
  })
  const opener = modelOpener({
    threads: config.scoringThreads,
    textsMax: config.scoringTextsMax,
    niceness: SCORING_NICENESS,
    observe: {
      batch: (rows, tokens, paddedTokens) => metrics.batch(rows, tokens, paddedTokens),
      waited: (seconds) => metrics.waited(seconds),
      ended(why) {
        metrics.batchFailed()
        log.error({ why }, 'a scoring thread failed')
      },
    },
  })
  parts.defer(() => opener.close())
  const versionsNeeds = {
    store,
    modelsFolder: join(config.home, 'models'),
    starters: starterFolders(),
    open: opener.open,
    now: Date.now,
    say: (level: 'info' | 'warn' | 'error', what: string, facts: Readonly<Record<string, unknown>>) =>
      log[level](facts, what),
  }
  const releases = new Releases({
    ...versionsNeeds,
    windowOf: (artifact) => rollingWindow(rollingReference(artifact)),
  })
  parts.defer(() => releases.close())
  // What is proven here serves from then on, so it is loaded once.
  const releasesNeeds = { ...versionsNeeds, load: (version: Version) => releases.borrow(version) }
  await registerStarters(releasesNeeds)
  if (config.sentimentModel !== null) await applyModelSetting(config, releasesNeeds, log, parts)
  await releases.follow()
  const feed = new Feed(randomBytes(6).toString('hex'))
  parts.defer(() => feed.close())
  const late = tail(store.log, startedAt)
  const training = trainingWork(config, releasesNeeds)
  parts.defer(() => training.close())
  const tidy = tidyHeap()
  const removeOldRows = async (): Promise<void> => {
    const rows = await retain(config, Date.now(), store.log)
    if (rows > 0) log.info({ rows }, 'removed old rows')
  }
  const showNewestRows = async (): Promise<void> => {
    if (store.shared && feed.watched) for (const row of await late(Date.now())) feed.prediction(row)
  }
  const failing = (what: string) => (why: string) => log.warn({ why }, what)
  for (const stopRound of [
    every(FOLLOW_MS, () => releases.follow(), failing('cannot follow the registry')),
    every(TRAIN_MS, () => training.poll(), failing('cannot look for training runs')),
    every(TIDY_MS, async () => tidy(), failing('cannot tidy the heap')),
    every(RETAIN_MS, removeOldRows, failing('cannot remove old rows')),
    // Replicas show each other's predictions; one that is alone shows its own without asking the database.
    every(TAIL_MS, showNewestRows, failing('cannot read the newest rows')),
  ])
    parts.defer(stopRound)
  let stopping: Promise<void> | null = null
  const app = await buildApp(
    {
      config,
      store,
      releases,
      boxTasks: BOX_TASKS,
      promoteNeeds: { ...releasesNeeds, registry: store.registry },
      metrics,
      feed,
      predictionLog: {
        journal: store.journal,
        tally: (version) => metrics.tally(version),
        feed: store.shared ? null : feed, // replicas tail the log that they share
        nextId: uuidv7Source(Date.now, random32Source()),
        now: Date.now,
        hashText: textHasher(secret),
        keeping: keeping(config.keepText, nameHasher(secret)),
      },
      checkTraining: (asked, quick) => training.check(asked, quick),
      nowMs: () => performance.now(),
      now: Date.now,
      version: barometerVersion(),
      startedAt,
      isStopping: () => stopping !== null,
    },
    log,
    join(root, 'web/dist'),
  )

  const others: Server[] = []
  parts.defer(() => drain(app, others, config.shutdownSecondsMax))
  others.push(...(await listen(app, config.host, config.port)))
  const { port } = app.server.address() as AddressInfo // listening on TCP, so never a pipe's name
  const host = config.host.includes(':') ? `[${config.host}]` : config.host

  return {
    address: `http://${host === '127.0.0.1' ? 'localhost' : host}:${port}`,
    stop() {
      // What trains needs as long for its checkpoint as answers need to leave: both begin at once.
      if (stopping === null) {
        void training.close()
        abandon.begin()
      }
      return (stopping ??= parts.disposeAsync())
    },
  }
}

/** JSON to stdout; words where a person watches. */
function logger({ logLevel, logFormat }: Config): Logger {
  const options = {
    level: logLevel,
    redact: ['req.headers.authorization', 'req.headers.cookie', 'req.headers["x-api-key"]'],
  }
  const { stdout } = process
  if (logFormat === 'json' || (logFormat === 'auto' && !stdout.isTTY)) return pino(options)
  const colour = stdout.isTTY && stdout.hasColors() // which honours NO_COLOR
  return pino(options, { write: (line: string) => void stdout.write(logLine(line, colour)) })
}

/** A stop waits for the database only so long that what waits for it is still answered within the limit of the stop. */
function storeLimit(store: Store, secondsMax: number): { begin(): void; cancel(): void } {
  let timer: NodeJS.Timeout
  return {
    begin() {
      timer = globalThis.setTimeout(() => store.abandon(), Math.max(secondsMax * 1000 - ABANDON_MS, secondsMax * 500))
    },
    cancel: () => clearTimeout(timer),
  }
}

/** Training runs of the server. Their code is loaded when the first one waits or is asked for. */
function trainingWork(config: Config, needs: StarterNeeds & { readonly store: Store }) {
  let queue: Promise<TrainingQueue> | null = null
  const open = async (): Promise<TrainingQueue> => {
    const { TrainingQueue } = await import('./training/jobs/trainingQueue.ts')
    const { trainingNeeds } = await import('./trainingNeeds.ts')
    // A core stays free for what is served.
    const threads = Math.max(1, availableParallelism() - 1)
    const stopMs = config.shutdownSecondsMax * 1000
    const opened = new TrainingQueue({
      ...trainingNeeds({ ...needs, config, engine: barometerVersion(), threads, stopMs }),
      say: needs.say,
    })
    await opened.tidy()
    return opened
  }
  return {
    async poll(): Promise<void> {
      if (queue === null && !(await needs.store.trainingRuns.anyUnattended())) return
      queue ??= open().catch((error: unknown) => {
        queue = null
        throw error
      })
      await (await queue).poll()
    },
    async check(asked: TrainingAsked, quick: boolean): Promise<TrainingAsked> {
      const { checkAsked } = await import('./training/recipes/recipe.ts')
      const { recipes } = await import('./training/recipes/recipes.ts')
      const recipe = checkAsked(asked, recipes)
      return quick ? { ...asked, parameters: { ...recipe.quick, ...asked.parameters } } : asked
    },
    close: async () => (await queue?.catch(() => null))?.close(),
  }
}

/** Puts the model of BAROMETER_SENTIMENT_MODEL into production, fetched from the Hub if need be. Only then is its code loaded. */
async function applyModelSetting(
  config: Config,
  needs: Omit<SettingNeeds, 'engine' | 'starter' | 'onProgress' | 'onNotice' | 'signal'> & {
    readonly starters: readonly string[]
  },
  log: Logger,
  parts: AsyncDisposableStack,
): Promise<void> {
  const { applySetting } = await import('./versions/import/applySetting.ts')
  const stop = new AbortController()
  parts.defer(() => stop.abort())
  let toldAt = Date.now()
  const applied = await applySetting(config, {
    ...needs,
    engine: barometerVersion(),
    starter: (task) => starterVersion(task, needs),
    onProgress: (now) => {
      if (Date.now() - toldAt < FETCH_TELL_MS) return
      toldAt = Date.now()
      log.info(now, 'fetching the model')
    },
    onNotice: (words) => log.warn(words),
    signal: stop.signal,
  })
  if (applied.kind === 'nothing-asked') return
  const { model, version } = applied.version
  log.info({ setting: config.sentimentModel, model, version, outcome: applied.kind }, 'the setting of the model')
}

/** The models in the box. */
function starterFolders(): string[] {
  return BOX_TASKS.map((name) => join(root, 'starter', name)).filter((folder) =>
    existsSync(join(folder, 'manifest.json')),
  )
}

/** Random 32-bit words from the operating system's source, fetched by the kilobyte. */
function random32Source(): () => number {
  const words = new Uint32Array(1024)
  let next = words.length
  return () => {
    if (next === words.length) {
      randomFillSync(words)
      next = 0
    }
    return words[next++]
  }
}

/** The first 64 bits of SHA-256 over the secret and the text. */
function textHasher(secret: string): (text: string) => string {
  return (text) => hash('sha256', secret + text, 'hex').slice(0, 16)
}

/** The first 128 bits of SHA-256 over the secret and a name: two names of ten thousand million never have the same. */
function nameHasher(secret: string): (name: string) => string {
  return (name) => hash('sha256', `${secret} name ${name}`, 'hex').slice(0, 32)
}

/**
 * Gives memory back when there is nothing to do: V8 alone keeps what a start or a burst of work left behind.
 *
 * @returns a round to be called every few seconds: the first one at rest after some work collects the garbage, which
 *   takes about 30 ms that nobody waits for.
 */
function tidyHeap(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') return () => undefined
  let before = performance.eventLoopUtilization()
  let worked = true
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    if (utilization > RESTS_BELOW) worked = true
    else if (worked) {
      collect()
      worked = false
    }
  }
}
