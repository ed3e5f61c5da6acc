/** Artifacts as folders: written whole or not at all, and never believed unread. */
import { randomUUID } from 'node:crypto'
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Fault } from '../domain/faults.ts'
import { type Artifact, type ManifestParts, makeArtifact, prove, toEntries } from './artifact.ts'
import { broken } from './manifest.ts'

/**
 * Writes an artifact folder. It appears under its name complete and on disk, or not at all: the files go to a
 * temporary folder beside it, are synced, and the folder is renamed.
 *
 * A version is immutable: an existing folder with the same digest is left as it is, another one is refused,
 * unless `replace` (which is for the starter models in the repository only).
 */
export async function writeArtifact(
  folder: string,
  parts: ManifestParts,
  files: Readonly<Record<string, Uint8Array>>,
  options: { replace?: boolean } = {},
): Promise<Artifact> {
  const artifact = makeArtifact(parts, files)
  await storeArtifact(folder, artifact, options)
  return artifact
}

/** Writes an artifact that exists already, for instance one that came out of a database. */
export async function storeArtifact(
  folder: string,
  artifact: Artifact,
  options: { replace?: boolean } = {},
): Promise<void> {
  const target = resolve(folder)
  const exists = await isThere(target)
  if (exists) {
    if (await holds(target, artifact.digest)) return
    if (!options.replace)
      throw new Fault('internal', {
        say: `The folder ${target} already holds something else; a model version never changes.`,
      })
  }
  const beside = join(dirname(target), `.${basename(target)}.${randomUUID()}`)
  const partial = `${beside}.partial`
  const replaced = `${beside}.replaced`
  try {
    await mkdir(partial, { recursive: true })
    for (const { name, bytes } of toEntries(artifact)) await writeSynced(join(partial, name), bytes)
    await sync(partial)
    if (exists) await rename(target, replaced)
    await rename(partial, target).catch(async (error: unknown) => {
      // Another process that stores the same version may have been first.
      if (!(await holds(target, artifact.digest))) throw error
    })
    await sync(dirname(target))
  } finally {
    await rm(partial, { recursive: true, force: true })
    await rm(replaced, { recursive: true, force: true })
  }
}

/** Reads the folder and proves every file against the manifest. Throws artifact_broken with the file and the reason. */
export async function verifyArtifact(folder: string, options: { digest?: string } = {}): Promise<Artifact> {
  return prove((name, bytesMax) => readLimited(folder, name, bytesMax), options.digest)
}

async function holds(folder: string, digest: string): Promise<boolean> {
  try {
    return (await verifyArtifact(folder, { digest })).digest === digest
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}

/** A file's bytes; undefined where there is none. Its size is asked first, so that an enormous file does no harm. */
async function readLimited(folder: string, name: string, bytesMax: number): Promise<Uint8Array | undefined> {
  const path = join(folder, name)
  if (!(await isThere(path))) return undefined
  if (!(await lstat(path)).isFile()) throw broken(name, 'is not a plain file')
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size > bytesMax) throw broken(name, `has ${size} bytes, at most ${bytesMax} were expected`)
    const bytes = new Uint8Array(size)
    let filled = 0
    while (filled < size) {
      const { bytesRead } = await file.read(bytes, filled, size - filled, filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return bytes.subarray(0, filled)
  } finally {
    await file.close()
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o644)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes a rename durable. Windows cannot open a folder; its file system orders these writes itself. */
async function sync(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false
    throw error
  }
}
