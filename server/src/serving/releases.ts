/** What serves each task now. It follows the registry: whoever promotes, in whichever process, is followed within a second. */
import { Fault } from '../domain/faults.ts'
import type { Version, VersionName } from '../domain/version.ts'
import type { ServedModel } from '../models/servedModel.ts'
import type { Store } from '../store/store.ts'
import type { Artifact } from '../versions/artifacts/artifact.ts'
import { fetchArtifact, type ImportNeeds } from '../versions/artifacts/fetchArtifact.ts'
import { type OpenModel, openArtifact } from '../versions/artifacts/loadArtifact.ts'

/** A version that is loaded and can score. */
export interface LiveVersion {
  readonly name: string
  readonly number: number
  readonly task: string
  readonly labels: readonly string[]
  readonly digest: string
  readonly served: ServedModel
  /** Takes one prediction into the version's rolling window; true when the window has drifted. */
  readonly look: (chars: number, confidence: number) => boolean
  /** Keeps the model open until what it returns is disposed of, whatever takes the version's place meanwhile. */
  readonly hold: () => Disposable
}

export interface ReleasesNeeds extends ImportNeeds {
  readonly store: Pick<Store, 'registry' | 'shared'>
  readonly open: OpenModel
  /** The rolling window of a version that begins to serve. */
  readonly windowOf: (artifact: Artifact) => LiveVersion['look']
  readonly say: (level: 'info' | 'warn' | 'error', what: string, facts: Readonly<Record<string, unknown>>) => void
}

/** Versions out of production that stay loaded for explanations and replays. */
const IDLE_VERSIONS_MAX = 4
/** How many of them may own threads and hundreds of megabytes. */
const IDLE_HEAVY_MAX = 1

/** A version as the one who opened it sees it. */
interface OpenVersion extends LiveVersion {
  /** Closes the model as soon as nobody holds it. */
  readonly retire: () => Promise<void>
}

export class Releases {
  readonly #needs: ReleasesNeeds
  readonly #byTask = new Map<string, OpenVersion>()
  /** Recently asked for, out of production; oldest first. By digest. */
  readonly #idle = new Map<string, OpenVersion>()
  /** Being opened. By digest. */
  readonly #opening = new Map<string, Promise<OpenVersion>>()
  readonly #closing = new Set<Promise<void>>()
  #head = -1
  #following: Promise<void> = Promise.resolve()
  /** Tasks whose production version could not be loaded, with the reason. */
  readonly #broken = new Map<string, string>()

  constructor(needs: ReleasesNeeds) {
    this.#needs = needs
  }

  /** The version that answers for a task. */
  serving(task: string): LiveVersion {
    const version = this.#byTask.get(task)
    if (version !== undefined) return version
    const why = this.#broken.get(task)
    if (why !== undefined)
      throw new Fault('no_model', { say: `The production version of “${task}” could not be loaded: ${why}` })
    throw new Fault('task_unknown', {
      say: `No task has the name “${task}”; there are ${[...this.#byTask.keys()].sort().join(', ') || 'none yet'}.`,
    })
  }

  get tasks(): readonly string[] {
    return [...this.#byTask.keys()].sort()
  }

  /** Why a task that has a production version is not served, by task. */
  get broken(): ReadonlyMap<string, string> {
    return this.#broken
  }

  /** The proven artifact of a version, on this machine. */
  artifact({ digest }: Pick<Version, 'digest'>): Promise<Artifact> {
    return fetchArtifact(digest, this.#needs)
  }

  isServing(digest: string): boolean {
    for (const version of this.#byTask.values()) if (version.digest === digest) return true
    return false
  }

  /** Any version of the registry, loaded; for explanations and replays. */
  async load(model: string, number: number): Promise<LiveVersion> {
    const version = await this.#needs.store.registry.get(model, number)
    if (version === null) throw new Fault('version_unknown', { say: `There is no ${model}@${number}.` })
    const loaded = this.#loaded(version.digest)
    if (loaded !== null) return loaded
    const live = await this.#openOnce(version)
    this.#idle.set(version.digest, live)
    this.#makeRoom()
    return live
  }

  /** Any version of the registry, loaded and held until it is disposed of. */
  async borrow({ model, version }: VersionName): Promise<{ readonly served: ServedModel } & AsyncDisposable> {
    const live = await this.load(model, version)
    const held = live.hold()
    return {
      served: live.served,
      async [Symbol.asyncDispose]() {
        held[Symbol.dispose]()
      },
    }
  }

  /** Closes every version, once what it has accepted is answered. */
  async close(): Promise<void> {
    await this.#following
    await Promise.allSettled(this.#opening.values())
    const open = new Set([...this.#byTask.values(), ...this.#idle.values()])
    this.#byTask.clear()
    this.#idle.clear()
    for (const version of open) this.#retireUnused(version)
    await Promise.all(this.#closing)
  }

  /**
   * Looks whether the registry has changed, and changes what serves. A version that cannot be loaded leaves the one
   * that serves in its place; it is tried again at the next look. Calls queue up behind one another.
   */
  follow(): Promise<void> {
    const look = this.#following.then(() => this.#look())
    this.#following = look.catch(() => undefined)
    return look
  }

  async #look(): Promise<void> {
    const head = await this.#needs.store.registry.head()
    if (head === this.#head && this.#broken.size === 0) return
    const production = await this.#needs.store.registry.production()
    for (const [task, version] of production) {
      if (this.#byTask.get(task)?.digest === version.digest) continue
      try {
        const next = this.#loaded(version.digest) ?? (await this.#openOnce(version))
        const before = this.#byTask.get(task)
        this.#byTask.set(task, next)
        this.#idle.delete(version.digest)
        if (before !== undefined) this.#retireUnused(before)
        this.#broken.delete(task)
        this.#needs.say('info', 'serves', { task, model: version.model, version: version.version })
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        if (!this.#broken.has(task))
          this.#needs.say('error', 'cannot serve', {
            task,
            model: version.model,
            version: version.version,
            why: error.message,
          })
        this.#broken.set(task, error.message)
      }
    }
    for (const [task, version] of this.#byTask) {
      if (production.has(task)) continue
      this.#byTask.delete(task)
      this.#retireUnused(version)
    }
    for (const task of this.#broken.keys()) if (!production.has(task)) this.#broken.delete(task)
    this.#head = head
  }

  #loaded(digest: string): OpenVersion | null {
    for (const version of this.#byTask.values()) if (version.digest === digest) return version
    return this.#idle.get(digest) ?? null
  }

  #makeRoom(): void {
    let heavy = [...this.#idle.values()].filter(({ served }) => isHeavy(served)).length
    for (const [digest, version] of this.#idle) {
      const tooMany = this.#idle.size > IDLE_VERSIONS_MAX || (heavy > IDLE_HEAVY_MAX && isHeavy(version.served))
      if (!tooMany) continue
      if (isHeavy(version.served)) heavy--
      this.#idle.delete(digest)
      this.#retireUnused(version)
    }
  }

  #retireUnused(version: OpenVersion): void {
    if (this.#loaded(version.digest) === version) return
    const closing = version
      .retire()
      .catch((error: unknown) => this.#needs.say('error', 'cannot close a version', factsOf(version, error)))
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  /** Opens a version, once however many ask for it meanwhile. */
  #openOnce(version: Version): Promise<OpenVersion> {
    let opening = this.#opening.get(version.digest)
    if (opening === undefined) {
      opening = this.#open(version).finally(() => this.#opening.delete(version.digest))
      this.#opening.set(version.digest, opening)
    }
    return opening
  }

  async #open(version: Version): Promise<OpenVersion> {
    const artifact = await this.artifact(version)
    const served = await openArtifact(artifact, this.#needs.open)
    return {
      name: version.model,
      number: version.version,
      task: version.task,
      labels: served.labels,
      digest: version.digest,
      served,
      look: this.#needs.windowOf(artifact),
      ...lifetime(() => served.close()),
    }
  }
}

/** Whether it owns threads and hundreds of megabytes. */
function isHeavy(served: ServedModel): boolean {
  return served.kind !== 'text'
}

/** A count of those who hold something, and its end: once, as soon as it is retired and nobody holds it. */
function lifetime(close: () => Promise<void>): Pick<OpenVersion, 'hold' | 'retire'> {
  let holders = 0
  const closed = Promise.withResolvers<void>()
  let retired = false
  const endIfUnused = () => {
    // In a later turn, so that who was handed the version in this one can still take hold of it.
    if (retired) setImmediate(() => holders === 0 && closed.resolve(close()))
  }
  return {
    hold() {
      holders++
      return {
        [Symbol.dispose]() {
          holders--
          if (holders === 0) endIfUnused()
        },
      }
    },
    retire() {
      retired = true
      endIfUnused()
      return closed.promise
    },
  }
}

function factsOf({ name, number }: LiveVersion, error: unknown): Record<string, unknown> {
  return { model: name, version: number, why: error instanceof Error ? error.message : String(error) }
}
