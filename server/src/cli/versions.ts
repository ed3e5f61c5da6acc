/** From what a person writes to a version that can score. */
import { existsSync, readdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvalidArgumentError } from 'commander'
import type { Config } from '../config.ts'
import { Fault } from '../domain/faults.ts'
import type { Manifest, Version } from '../domain/version.ts'
import { textModelOf } from '../models/servedModel.ts'
import type { AnyTextModel } from '../models/textModel.ts'
import { isThere } from '../platform/isThere.ts'
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
  if (asked?.kind === 'folder') {
    await requireArtifact(asked.folder)
    return fromFolder(resolve(asked.folder), asked.folder)
  }
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

/** A folder that holds no version is a wrong path more often than a broken version. */
async function requireArtifact(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null
    throw error
  })
  if (found === null) throw noVersion(`There is no folder ${folder}.`)
  if (!found.isDirectory()) throw noVersion(`${folder} is a file; a model version is a folder with a manifest.json.`)
  if (!(await isThere(join(folder, 'manifest.json'))))
    throw noVersion(`${folder} holds no model version: manifest.json is missing.`)
}

function noVersion(say: string): Fault {
  return new Fault('artifact_broken', { say })
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
    say: `No version is in production for the task “${task}”; there are ${[...new Set([...serving.keys(), ...starters()])].sort().join(', ')}.`,
  })
}

function starterFolder(task: string): string {
  if (hasStarter(task)) return join(STARTERS, task)
  throw new Fault('task_unknown', {
    say: `There is no model in the box for the task “${task}”; it has ${starters().join(', ')}.`,
  })
}

function starters(): string[] {
  return readdirSync(STARTERS).filter(hasStarter).sort()
}

function hasStarter(task: string): boolean {
  return existsSync(join(STARTERS, task, 'manifest.json'))
}
