/** From an artifact into the registry. */
import { Fault } from '../domain/faults.ts'
import type { Millis } from '../domain/time.ts'
import type { Version } from '../domain/version.ts'
import type { Store } from '../store/store.ts'
import { type Artifact, toEntries } from '../versions/artifacts/artifact.ts'
import { artifactFolder, claimedDigest } from '../versions/artifacts/fetchArtifact.ts'
import { storeArtifact, verifyArtifact } from '../versions/artifacts/folder.ts'
import { type OpenModel, openArtifact } from '../versions/artifacts/loadArtifact.ts'
import { type LoadVersion, promote } from './promote.ts'

export interface Registration {
  readonly who: string
  readonly why: string
}

export interface RegisterNeeds {
  readonly store: Pick<Store, 'registry' | 'shared'>
  /** Folder that keeps the artifacts, one folder a digest. */
  readonly modelsFolder: string
  readonly open: OpenModel
  readonly now: () => Millis
}

export interface StarterNeeds extends RegisterNeeds {
  /** Folders of the models in the box. */
  readonly starters: readonly string[]
  readonly load: LoadVersion
  readonly say: (level: 'info' | 'warn' | 'error', what: string, facts: Readonly<Record<string, unknown>>) => void
}

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
  await (await openArtifact(artifact, open)).close()
}

/**
 * Registers the models in the box. A task that nothing serves yet gets its starter into production; a task that has
 * been decided on by somebody keeps that decision, and a newer starter waits in `staging`. A starter that is broken is
 * reported and left out: the others serve.
 */
export async function registerStarters(needs: StarterNeeds): Promise<void> {
  for (const folder of needs.starters) {
    try {
      await registerStarter(folder, needs)
    } catch (error) {
      if (!(error instanceof Fault && error.code === 'artifact_broken')) throw error
      needs.say('error', 'cannot use a model in the box', { folder, why: error.message })
    }
  }
}

async function registerStarter(folder: string, needs: StarterNeeds): Promise<void> {
  const { registry } = needs.store
  const who = 'barometer'
  const digest = await claimedDigest(folder)
  // One that is registered is read where it is loaded, not here: the second start should take no longer than it must.
  const known = digest === null ? null : await registry.findByDigest(digest)
  const { model, version, task } =
    known ?? (await register(await verifyArtifact(folder), { who, why: 'The model in the box.' }, needs))
  if ((await registry.production()).has(task)) return
  try {
    await promote({ model, version }, { who, why: 'Nothing served the task yet.' }, { ...needs, registry })
  } catch (error) {
    // Another replica that starts at the same time may have been first.
    if (!(error instanceof Fault && error.code === 'stage_conflict')) throw error
  }
}

/** The version of the box's model for a task; null where the box has none. They are registered first. */
export async function starterVersion(
  task: string,
  { store, starters }: Pick<StarterNeeds, 'store' | 'starters'>,
): Promise<Version | null> {
  for (const folder of starters) {
    const digest = await claimedDigest(folder)
    const version = digest === null ? null : await store.registry.findByDigest(digest)
    if (version?.task === task) return version
  }
  return null
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
