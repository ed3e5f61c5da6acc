/**
 * The cache folder of the Hub's own tools, so that a model which another tool has fetched is not fetched again:
 *
 *   models--OWNER--NAME/refs/REVISION              the commit that a branch or tag stood at
 *   models--OWNER--NAME/snapshots/COMMIT/PATH      a link to the blob
 *   models--OWNER--NAME/blobs/HASH                 sha256 of a large file, git's sha1 of a small one
 *
 * Source: huggingface_hub, “Understand caching”.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, readdir, readFile, realpath, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { type HubModel, isCommit } from '../../domain/hubModel.ts'
import { isThere } from '../../platform/isThere.ts'

/** How the Hub proves a file: by its sha256 where it is large (LFS), else as git does. */
export interface FileProof {
  readonly size: number
  readonly hash: string
}

export function repositoryFolder(cacheFolder: string, { repository }: Pick<HubModel, 'repository'>): string {
  return join(cacheFolder, `models--${repository.replace('/', '--')}`)
}

export function snapshotFolder(cacheFolder: string, model: Pick<HubModel, 'repository'>, commit: string): string {
  return join(repositoryFolder(cacheFolder, model), 'snapshots', commit)
}

export function blobPath(cacheFolder: string, model: Pick<HubModel, 'repository'>, hash: string): string {
  return join(repositoryFolder(cacheFolder, model), 'blobs', hash)
}

/** The commit that a revision stood at when it was last asked for; null where it never was. */
export async function cachedCommit(cacheFolder: string, model: HubModel): Promise<string | null> {
  const { revision } = model
  const commit = isCommit(revision)
    ? revision
    : await readRef(join(repositoryFolder(cacheFolder, model), 'refs', revision))
  if (commit === null || !isCommit(commit)) return null
  return (await isThere(snapshotFolder(cacheFolder, model, commit))) ? commit : null
}

async function readRef(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch {
    return null
  }
}

/** Writes which commit a branch or tag is at. */
export async function keepCommit(cacheFolder: string, model: HubModel, commit: string): Promise<void> {
  if (isCommit(model.revision)) return
  const path = join(repositoryFolder(cacheFolder, model), 'refs', model.revision)
  await mkdir(dirname(path), { recursive: true })
  const beside = `${path}.${process.pid}.new`
  const file = await open(beside, 'w')
  try {
    await file.writeFile(commit)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}

/** Paths within a snapshot, with `/` between their parts. */
export async function cachedFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
}

/** Puts a blob into a snapshot: as a link, or as a copy where the system allows no links. */
export async function linkIntoSnapshot(blob: string, path: string): Promise<void> {
  if (await isThere(path)) return
  await mkdir(dirname(path), { recursive: true })
  await rm(path, { force: true }) // a link into nothing
  try {
    await symlink(relative(dirname(path), blob), path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    if (code === 'EEXIST') return // another process was first
    if (code !== 'EPERM' && code !== 'ENOSYS' && code !== 'ENOTSUP') throw error
    await copyFile(blob, path)
  }
}

/**
 * The hash under which the Hub keeps a file of this size: `proof.hash` has 64 hexadecimal digits for sha256, 40 for git's
 * sha1 of `blob SIZE\0` and the content.
 */
export function startHash({ hash, size }: FileProof): Hash {
  return hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`)
}

/** Whether a cached file is what its blob's name says. A file that is no link has no such name, and is taken as it is. */
export async function isWhole(path: string): Promise<boolean> {
  const blob = await realpath(path)
  const hash = basename(blob)
  if (!/^(?:[0-9a-f]{64}|[0-9a-f]{40})$/.test(hash) || basename(dirname(blob)) !== 'blobs') return true
  const { size } = await stat(blob)
  const found = startHash({ hash, size })
  for await (const chunk of createReadStream(blob, { highWaterMark: 1 << 20 })) found.update(chunk)
  return found.digest('hex') === hash
}
