/** The artifact of a version on this machine: where it lies, and how it comes here. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Artifact } from './artifact.ts'
import { storeArtifact, storeEntries, verifyArtifact } from './folder.ts'
import { DIGEST_NAME } from './manifest.ts'

export interface ImportNeeds {
  /** Folder that keeps the artifacts, one folder a digest. */
  readonly modelsFolder: string
  /** Folders of the models in the box. */
  readonly starters?: readonly string[]
  readonly store: {
    /** Whether the registry keeps the files of its versions. */
    readonly shared: boolean
    readonly registry: { files(digest: string): AsyncIterable<{ readonly name: string; readonly bytes: Uint8Array }> }
  }
}

/** The proven artifact with a digest: from this machine's folder, else copied there from the box or the shared store. */
export async function fetchArtifact(digest: string, needs: ImportNeeds): Promise<Artifact> {
  const folder = artifactFolder(needs.modelsFolder, digest)
  try {
    return await verifyArtifact(folder, { digest })
  } catch (error) {
    if (!(await fetchInto(folder, digest, needs))) throw error
    return verifyArtifact(folder, { digest })
  }
}

/** Puts a version into this machine's folder; false where nobody has it. */
async function fetchInto(folder: string, digest: string, { starters = [], store }: ImportNeeds): Promise<boolean> {
  for (const starter of starters) {
    if ((await claimedDigest(starter)) !== digest) continue
    await storeArtifact(folder, await verifyArtifact(starter, { digest }), { replace: true })
    return true
  }
  if (!store.shared) return false
  const [first, entries] = await peeked(store.registry.files(digest))
  if (first === undefined) return false
  await storeEntries(folder, entries, digest, { replace: true })
  return true
}

export function artifactFolder(modelsFolder: string, digest: string): string {
  return join(modelsFolder, digest.slice(0, 16))
}

/** The digest that a folder says it has, unproven; null where it says nothing. */
export async function claimedDigest(folder: string): Promise<string | null> {
  try {
    return (await readFile(join(folder, DIGEST_NAME), 'utf8')).slice(0, 64)
  } catch {
    return null
  }
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
