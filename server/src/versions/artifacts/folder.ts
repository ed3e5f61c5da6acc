/** Artifacts as folders: written whole or not at all, and verified whenever they are read. */
import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import { isThere } from '../../platform/isThere.ts'
import {
  type Artifact,
  type ArtifactEntry,
  type ManifestParts,
  makeArtifact,
  type Proof,
  prove,
  toEntries,
} from './artifact.ts'
import { broken, isFileName } from './manifest.ts'

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

/** Writes an artifact that exists already. */
export async function storeArtifact(
  folder: string,
  artifact: Artifact,
  options: { replace?: boolean } = {},
): Promise<void> {
  await storeEntries(folder, toEntries(artifact), artifact.digest, options)
}

/**
 * Writes an artifact that comes piece by piece, for instance out of a database, with one piece in memory at a time. What
 * does not prove to be the version with this digest is thrown away again.
 */
export async function storeEntries(
  folder: string,
  entries: AsyncIterable<ArtifactEntry>,
  digest: string,
  options: { replace?: boolean } = {},
): Promise<void> {
  const target = resolve(folder)
  const exists = await isThere(target)
  if (exists) {
    if (await holds(target, digest)) return
    if (!options.replace)
      throw new Fault('artifact_broken', {
        say: `The folder ${target} already holds something else, and a model version never changes; name another.`,
      })
  }
  const beside = join(dirname(target), `.${basename(target)}.${randomUUID()}`)
  const partial = `${beside}.partial`
  const replaced = `${beside}.replaced`
  try {
    await mkdir(partial, { recursive: true, mode: 0o700 })
    await writeEntries(partial, entries)
    await verifyArtifact(partial, { digest })
    await sync(partial)
    if (exists) await rename(target, replaced)
    await rename(partial, target).catch(async (error: unknown) => {
      // Another process that stores the same version may have been first.
      if (!(await holds(target, digest))) throw error
    })
    await sync(dirname(target))
  } finally {
    await rm(partial, { recursive: true, force: true })
    await rm(replaced, { recursive: true, force: true })
  }
}

/** Reads the folder and proves every file against the manifest. Throws artifact_broken with the file and the reason. */
export async function verifyArtifact(folder: string, options: { digest?: string } = {}): Promise<Artifact> {
  return prove((name, bytesMax, heldMax) => readLimited(resolve(folder), name, bytesMax, heldMax), options.digest)
}

async function holds(folder: string, digest: string): Promise<boolean> {
  try {
    return (await verifyArtifact(folder, { digest })).digest === digest
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}

/** A read of a large file, hashed at one go: a megabyte takes about a millisecond of the event loop. */
const HASHED_BYTES = 1024 * 1024

/**
 * A file's bytes, or of one with more than `heldMax` its path and hash; undefined where there is none. Its size is asked
 * first, so that an enormous file does no harm.
 */
async function readLimited(
  folder: string,
  name: string,
  bytesMax: number,
  heldMax: number,
): Promise<Proof | undefined> {
  const path = join(folder, name)
  if (!(await isThere(path))) return undefined
  if (!(await lstat(path)).isFile()) throw broken(name, 'is not a plain file')
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size > bytesMax) throw broken(name, `has ${size} bytes, at most ${bytesMax} were expected`)
    if (size > heldMax) return { path, ...(await hashed(file)) }
    const bytes = new Uint8Array(size)
    return { bytes: bytes.subarray(0, await fill(file, bytes, 0)) }
  } finally {
    await file.close()
  }
}

/** Reads from a place on until the buffer is full or the file ends. @returns how many bytes were read. */
async function fill(file: FileHandle, into: Uint8Array, from: number): Promise<number> {
  let filled = 0
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, from + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

async function hashed(file: FileHandle): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256')
  const piece = new Uint8Array(HASHED_BYTES)
  let size = 0
  for (;;) {
    const read = await fill(file, piece, size)
    hash.update(piece.subarray(0, read))
    size += read
    if (read < piece.length) return { size, sha256: hash.digest('hex') }
  }
}

/** The parts of one file come in their order; each is on disk before the next is asked for. */
async function writeEntries(folder: string, entries: AsyncIterable<ArtifactEntry>): Promise<void> {
  /** By name, how many parts are written. */
  const written = new Map<string, number>()
  for await (const { name, bytes } of entries) {
    const [whole, part = '0'] = name.split('#')
    if (!isFileName(whole)) throw broken(JSON.stringify(whole), 'is no name of a file in an artifact')
    const parts = written.get(whole) ?? 0
    if (Number(part) !== parts) throw broken(name, 'occurs twice, or does not follow the part before it')
    written.set(whole, parts + 1)
    await appendSynced(join(folder, whole), bytes, parts === 0 ? 'wx' : 'a')
  }
}

async function appendSynced(path: string, bytes: Uint8Array, flags: 'wx' | 'a'): Promise<void> {
  const file = await open(path, flags, 0o600)
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
