/** Versions: from an artifact into the registry, and from the registry into service. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../domain/faults.ts'
import type { Millis } from '../domain/time.ts'
import type { Version } from '../domain/version.ts'
import { isQueued, type ServedModel } from '../models/textModel.ts'
import type { Store } from '../store/store.ts'
import { type Artifact, toEntries } from '../versions/artifacts/artifact.ts'
import { storeArtifact, storeEntries, verifyArtifact } from '../versions/artifacts/folder.ts'
import { type OpenModel, openArtifact } from '../versions/artifacts/loadArtifact.ts'
import { DIGEST_NAME } from '../versions/artifacts/manifest.ts'
import { rollingReference } from '../versions/artifacts/reference.ts'
import { rollingWindow } from './observe.ts'

/** A version that is loaded and can score. */
export interface LiveVersion {
  readonly name: string
  readonly number: number
  readonly task: string
  readonly labels: readonly string[]
  readonly digest: string
  readonly model: ServedModel
  /** Takes one prediction into the version's rolling window; true when the window has drifted. */
  readonly look: (chars: number, confidence: number) => boolean
  /** Keeps the model open until what it returns is disposed of, whatever takes the version's place meanwhile. */
  readonly hold: () => Disposable
}

export interface ReleasesNeeds {
  readonly store: Pick<Store, 'registry' | 'shared'>
  /** Folder that keeps the artifacts, one folder a digest. */
  readonly modelsFolder: string
  /** Folders of the models in the box. */
  readonly starters?: readonly string[]
  readonly open: OpenModel
  readonly now: () => Millis
  readonly say: (level: 'info' | 'warn' | 'error', what: string, facts: Readonly<Record<string, unknown>>) => void
}

/** Versions out of production that stay loaded for explanations and replays. */
const IDLE_VERSIONS_MAX = 4
/** How many of them may own threads and hundreds of megabytes. */
const IDLE_QUEUED_MAX = 1

/** A version as the one who opened it sees it. */
interface OpenVersion extends LiveVersion {
  /** Closes the model as soon as nobody holds it. */
  readonly retire: () => Promise<void>
}

/** What serves each task now. It follows the registry: whoever promotes, in whichever process, is followed within a second. */
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
    const live = await this.#bring(version)
    this.#idle.set(version.digest, live)
    this.#makeRoom()
    return live
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
        const next = this.#loaded(version.digest) ?? (await this.#bring(version))
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
    let queued = [...this.#idle.values()].filter(({ model }) => isQueued(model)).length
    for (const [digest, version] of this.#idle) {
      const tooMany = this.#idle.size > IDLE_VERSIONS_MAX || (queued > IDLE_QUEUED_MAX && isQueued(version.model))
      if (!tooMany) continue
      if (isQueued(version.model)) queued--
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
  #bring(version: Version): Promise<OpenVersion> {
    let opening = this.#opening.get(version.digest)
    if (opening === undefined) {
      opening = this.#open(version).finally(() => this.#opening.delete(version.digest))
      this.#opening.set(version.digest, opening)
    }
    return opening
  }

  async #open(version: Version): Promise<OpenVersion> {
    const artifact = await this.artifact(version)
    const model = await openArtifact(artifact, this.#needs.open)
    return {
      name: version.model,
      number: version.version,
      task: version.task,
      labels: model.labels,
      digest: version.digest,
      model,
      look: rollingWindow(rollingReference(artifact)),
      ...lifetime(async () => {
        if (isQueued(model)) await model.close()
      }),
    }
  }

  /** The proven artifact of a version: from this machine's folder, else copied there from the box or the shared store. */
  async artifact(version: Pick<Version, 'digest'>): Promise<Artifact> {
    const folder = artifactFolder(this.#needs.modelsFolder, version.digest)
    try {
      return await verifyArtifact(folder, { digest: version.digest })
    } catch (error) {
      if (!(await this.#fetch(version.digest, folder))) throw error
      return verifyArtifact(folder, { digest: version.digest })
    }
  }

  /** Puts a version into this machine's folder; false where nobody has it. */
  async #fetch(digest: string, folder: string): Promise<boolean> {
    for (const starter of this.#needs.starters ?? []) {
      if ((await claimedDigest(starter)) !== digest) continue
      await storeArtifact(folder, await verifyArtifact(starter, { digest }), { replace: true })
      return true
    }
    if (!this.#needs.store.shared) return false
    const [first, entries] = await peeked(this.#needs.store.registry.files(digest))
    if (first === undefined) return false
    await storeEntries(folder, entries, digest, { replace: true })
    return true
  }
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

/** The first item, and all of them again. */
async function peeked<T>(items: AsyncIterable<T>): Promise<[T | undefined, AsyncIterable<T>]> {
  const iterator = items[Symbol.asyncIterator]()
  const first = await iterator.next()
  async function* again(): AsyncGenerator<T> {
    if (!first.done) yield first.value
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  return [first.done ? undefined : first.value, again()]
}

export interface Registration {
  readonly who: string
  readonly why: string
}

export type RegisterNeeds = Pick<ReleasesNeeds, 'store' | 'modelsFolder' | 'open' | 'now'>

/** Puts an artifact into the registry as `staging`; one that is known already is returned as it is. */
export async function register(artifact: Artifact, { who, why }: Registration, needs: RegisterNeeds): Promise<Version> {
  const { registry, shared } = needs.store
  const folder = artifactFolder(needs.modelsFolder, artifact.digest)
  if (!(await isProven(folder, artifact.digest))) await storeArtifact(folder, artifact, { replace: true })
  const known = await registry.findByDigest(artifact.digest)
  if (known !== null) return known
  // From where it lies now: what is large is read from the disk.
  await requireOpens(await verifyArtifact(folder, { digest: artifact.digest }), needs.open)
  return registry.register({
    manifest: artifact.manifest,
    digest: artifact.digest,
    who,
    why,
    at: needs.now(),
    files: shared ? toEntries(artifact) : null,
  })
}

/** What cannot be served is not registered. */
async function requireOpens(artifact: Artifact, open: OpenModel): Promise<void> {
  const model = await openArtifact(artifact, open)
  if (isQueued(model)) await model.close()
}

/**
 * Registers the models in the box. A task that nothing serves yet gets its starter into production; a task that has
 * been decided on by somebody keeps that decision, and a newer starter waits in `staging`. A starter that is broken is
 * reported and left out: the others serve.
 */
export async function registerStarters(needs: RegisterNeeds & Pick<ReleasesNeeds, 'starters' | 'say'>): Promise<void> {
  for (const folder of needs.starters ?? []) {
    try {
      await registerStarter(folder, needs)
    } catch (error) {
      if (!(error instanceof Fault && error.code === 'artifact_broken')) throw error
      needs.say('error', 'cannot use a model in the box', { folder, why: error.message })
    }
  }
}

async function registerStarter(folder: string, needs: RegisterNeeds): Promise<void> {
  const { registry } = needs.store
  const who = 'barometer'
  const digest = await claimedDigest(folder)
  // One that is registered is read where it is loaded, not here: the second start should take no longer than it must.
  const known = digest === null ? null : await registry.findByDigest(digest)
  const { model, version, task } =
    known ?? (await register(await verifyArtifact(folder), { who, why: 'The model in the box.' }, needs))
  if ((await registry.production()).has(task)) return
  try {
    await registry.promote({ model, version, who, why: 'Nothing served the task yet.', at: needs.now() })
  } catch (error) {
    // Another replica that starts at the same time may have been first.
    if (!(error instanceof Fault && error.code === 'stage_conflict')) throw error
  }
}

/** The version of the box's model for a task; null where the box has none. They are registered first. */
export async function starterVersion(
  task: string,
  { store, starters = [] }: Pick<ReleasesNeeds, 'store' | 'starters'>,
): Promise<Version | null> {
  for (const folder of starters) {
    const digest = await claimedDigest(folder)
    const version = digest === null ? null : await store.registry.findByDigest(digest)
    if (version?.task === task) return version
  }
  return null
}

/** The digest that a folder says it has, unproven; null where it says nothing. */
async function claimedDigest(folder: string): Promise<string | null> {
  try {
    return (await readFile(join(folder, DIGEST_NAME), 'utf8')).slice(0, 64)
  } catch {
    return null
  }
}

async function isProven(folder: string, digest: string): Promise<boolean> {
  try {
    await verifyArtifact(folder, { digest })
    return true
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}

export function artifactFolder(modelsFolder: string, digest: string): string {
  return join(modelsFolder, digest.slice(0, 16))
}
