/** From what a person writes to a version that can score. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvalidArgumentError } from 'commander'
import type { Config } from '../config.ts'
import { Fault } from '../domain/faults.ts'
import type { Manifest, Version } from '../domain/version.ts'
import { textModelOf } from '../models/servedModel.ts'
import type { AnyTextModel } from '../models/textModel.ts'
import { type ModelOpener, modelOpener } from '../serving/openModel.ts'
import type { LiveVersion } from '../serving/releases.ts'
import type { Store } from '../store/store.ts'
import type { Artifact } from '../versions/artifacts/artifact.ts'
import { fetchArtifact } from '../versions/artifacts/fetchArtifact.ts'
import { verifyArtifact } from '../versions/artifacts/folder.ts'
import { openArtifact } from '../versions/artifacts/loadArtifact.ts'
import { hasState, modelsFolder, withExistingStore } from './home.ts'
import { find } from './models.ts'
import { type Named, named } from './options.ts'

const STARTERS = join(fileURLToPath(new URL('../../..', import.meta.url)), 'starter')

/** A version of the registry, or an artifact folder that no registry knows. */
export type Wish =
  | { readonly kind: 'named'; readonly named: Named }
  | { readonly kind: 'folder'; readonly folder: string }

export interface LoadedVersion extends AsyncDisposable {
  /** `sentiment@3`, or the folder. */
  readonly title: string
  /** Null where no registry knows it. */
  readonly version: number | null
  readonly manifest: Manifest
  readonly digest: string
  readonly artifact: Artifact
  /** As a step of the loop takes it. Its number is 0 where no registry knows it. */
  readonly live: LiveVersion
  /** Refused where it is not about texts. */
  readonly textModel: () => AnyTextModel
}

export const WISH_HELP = 'NAME@VERSION, NAME (the one in production), or an artifact folder such as ./starter/sentiment'

/** A word with a slash or a dot is a folder; anything else is a name. */
export function wish(word: string): Wish {
  if (/[/\\.]/.test(word)) return { kind: 'folder', folder: word }
  try {
    return { kind: 'named', named: named(word) }
  } catch {
    throw new InvalidArgumentError('Write NAME@VERSION, for instance sentiment@2, or the path of an artifact folder.')
  }
}

/**
 * @param asked null for what serves `task` now: its production version, or the model in the box where nothing was ever
 *   in production for the task.
 */
export async function loadVersion(config: Config, asked: Wish | null, task: string): Promise<LoadedVersion> {
  if (asked?.kind === 'folder') return fromFolder(resolve(asked.folder), asked.folder)
  if (asked === null && !hasState(config)) return fromBox(task)
  return withExistingStore(config, async (store) => {
    const version = asked === null ? await inProduction(store, task) : await find(store, asked.named)
    if (version === null) return fromBox(task)
    const opener = modelOpener()
    const artifact = await fetchArtifact(version.digest, { store, modelsFolder: modelsFolder(config) })
    const title = `${version.model}@${version.version}`
    return { title, ...(await loaded(artifact, version.version, opener)) }
  })
}

async function fromBox(task: string): Promise<LoadedVersion> {
  return fromFolder(starterFolder(task), `${task} (the model in the box)`)
}

async function fromFolder(folder: string, title: string): Promise<LoadedVersion> {
  return { title, ...(await loaded(await verifyArtifact(folder), null, modelOpener())) }
}

async function loaded(
  artifact: Artifact,
  version: number | null,
  opener: ModelOpener,
): Promise<Omit<LoadedVersion, 'title'>> {
  const served = await openArtifact(artifact, opener.open)
  const { manifest, digest } = artifact
  return {
    version,
    artifact,
    manifest,
    digest,
    live: {
      name: manifest.model,
      number: version ?? 0,
      task: manifest.task,
      labels: served.labels,
      digest,
      served,
      look: () => false,
      hold: () => ({ [Symbol.dispose]: () => undefined }),
    },
    textModel: () => textModelOf(served, manifest.task),
    async [Symbol.asyncDispose]() {
      await served.close()
      await opener.close()
    },
  }
}

/** Null where nothing serves the task and the box has a model for it: a server that starts would serve that one. */
async function inProduction(store: Store, task: string): Promise<Version | null> {
  const serving = await store.registry.production()
  const version = serving.get(task)
  if (version !== undefined) return version
  if (hasStarter(task)) return null
  throw new Fault('task_unknown', {
    say: `No version is in production for the task “${task}”; there are ${[...serving.keys()].sort().join(', ') || 'none'}.`,
  })
}

function starterFolder(task: string): string {
  if (hasStarter(task)) return join(STARTERS, task)
  throw new Fault('task_unknown', { say: `There is no model in the box for the task “${task}”.` })
}

function hasStarter(task: string): boolean {
  return existsSync(join(STARTERS, task, 'manifest.json'))
}
