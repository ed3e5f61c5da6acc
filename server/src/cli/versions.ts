/** From what a person writes to a version that can score. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvalidArgumentError } from 'commander'
import { loadArtifact } from '../artifacts/loadArtifact.ts'
import type { Config } from '../config.ts'
import { Fault } from '../domain/faults.ts'
import type { Manifest, Version } from '../domain/version.ts'
import { artifactFolder, Releases } from '../loop/register.ts'
import type { TextModel } from '../models/textModel.ts'
import type { Store } from '../store/store.ts'
import { hasState, modelsFolder, withExistingStore } from './home.ts'
import { find } from './models.ts'
import { type Named, named } from './options.ts'

/** A version of the registry, or an artifact folder that no registry knows. */
export type Wish =
  | { readonly kind: 'named'; readonly named: Named }
  | { readonly kind: 'folder'; readonly folder: string }

export interface LoadedVersion {
  /** `sentiment@3`, or the folder. */
  readonly title: string
  /** Null where no registry knows it. */
  readonly version: number | null
  readonly manifest: Manifest
  readonly folder: string
  readonly digest: string
  readonly model: TextModel
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
 *   kept under these settings.
 */
export async function loadVersion(config: Config, asked: Wish | null, task: string): Promise<LoadedVersion> {
  if (asked?.kind === 'folder') return fromFolder(resolve(asked.folder), asked.folder)
  if (asked === null && !hasState(config)) return fromFolder(starterFolder(task), `${task} (the model in the box)`)
  return withExistingStore(config, async (store) => {
    const version = asked === null ? await inProduction(store, task) : await find(store, asked.named)
    await new Releases({ store, modelsFolder: modelsFolder(config), now: Date.now, say: () => undefined }).artifact(
      version,
    )
    const folder = artifactFolder(modelsFolder(config), version.digest)
    const { manifest, digest, model } = await loadArtifact(folder, { digest: version.digest })
    return { title: `${version.model}@${version.version}`, version: version.version, manifest, folder, digest, model }
  })
}

async function fromFolder(folder: string, title: string): Promise<LoadedVersion> {
  return { title, version: null, folder, ...(await loadArtifact(folder)) }
}

async function inProduction(store: Store, task: string): Promise<Version> {
  const serving = await store.registry.production()
  const version = serving.get(task)
  if (version !== undefined) return version
  throw new Fault('task_unknown', {
    say: `No version is in production for the task “${task}”; there are ${[...serving.keys()].sort().join(', ') || 'none'}.`,
  })
}

function starterFolder(task: string): string {
  const folder = join(fileURLToPath(new URL('../../..', import.meta.url)), 'starter', task)
  if (existsSync(join(folder, 'manifest.json'))) return folder
  throw new Fault('task_unknown', { say: `There is no model in the box for the task “${task}”.` })
}
