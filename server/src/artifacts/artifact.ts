/**
 * An artifact in memory: the manifest and the bytes of every file, proven against each other.
 *
 * The folder on disk, the rows in a database and the bytes on a wire are only its forms.
 */
import type { Manifest } from '../domain/version.ts'
import {
  artifactLimits,
  broken,
  DIGEST_NAME,
  digestLine,
  MANIFEST_NAME,
  manifestBytes,
  parseManifest,
  sha256,
} from './manifest.ts'

export interface Artifact {
  readonly manifest: Manifest
  /** sha256 of manifest.json: the identity of the version. */
  readonly digest: string
  /** By name: every file that the manifest lists. */
  readonly files: Readonly<Record<string, Uint8Array>>
}

/** One file of an artifact on its way to or from a database: manifest.json, manifest.sha256 and the listed files. */
export interface ArtifactEntry {
  readonly name: string
  readonly bytes: Uint8Array
}

/** All of the manifest but the list of files, which follows from the files. */
export type ManifestParts = Omit<Manifest, 'files'>

/** Makes an artifact out of its parts. Throws artifact_broken where the result could not be loaded again. */
export function makeArtifact(parts: ManifestParts, files: Readonly<Record<string, Uint8Array>>): Artifact {
  const listed = Object.entries(files).map(
    ([name, bytes]) => [name, { bytes: bytes.length, sha256: sha256(bytes) }] as const,
  )
  const bytes = manifestBytes({ ...parts, files: Object.fromEntries(listed) })
  return { manifest: parseManifest(bytes), digest: sha256(bytes), files }
}

/** The entries to store, in a stable order: the manifest, its digest, then the files by name. */
export function toEntries(artifact: Artifact): ArtifactEntry[] {
  return [
    { name: MANIFEST_NAME, bytes: manifestBytes(artifact.manifest) },
    { name: DIGEST_NAME, bytes: new TextEncoder().encode(digestLine(artifact.digest)) },
    ...Object.keys(artifact.manifest.files).map((name) => ({ name, bytes: artifact.files[name] })),
  ]
}

/**
 * Proves entries to be an artifact: every listed file is there with its size and sha256, nothing was changed.
 * Entries that the manifest does not list are left aside.
 *
 * @param digest the digest that the registry knows for the version, where one does.
 */
export async function fromEntries(entries: Iterable<ArtifactEntry>, digest?: string): Promise<Artifact> {
  const byName = new Map<string, Uint8Array>()
  for (const { name, bytes } of entries) {
    if (byName.has(name)) throw broken(name, 'occurs twice')
    byName.set(name, bytes)
  }
  return prove(async (name) => byName.get(name), digest)
}

/** What verification asks of a place that keeps files: the bytes under a name, or undefined where there are none. */
export type ReadFile = (name: string, bytesMax: number) => Promise<Uint8Array | undefined>

/** The one place that decides whether an artifact is whole. */
export async function prove(read: ReadFile, digest?: string): Promise<Artifact> {
  const manifestFile = await read(MANIFEST_NAME, artifactLimits.manifestBytes)
  if (!manifestFile) throw broken(MANIFEST_NAME, 'is missing')
  const actual = sha256(manifestFile)
  const line = await read(DIGEST_NAME, 1024)
  if (!line) throw broken(DIGEST_NAME, 'is missing')
  if (new TextDecoder().decode(line) !== digestLine(actual))
    throw broken(DIGEST_NAME, `does not hold the sha256 of ${MANIFEST_NAME}`)
  if (digest !== undefined && digest !== actual)
    throw broken(MANIFEST_NAME, `has the sha256 ${actual}, the registry knows ${digest}`)
  const manifest = parseManifest(manifestFile)
  const files: Record<string, Uint8Array> = {}
  for (const [name, expected] of Object.entries(manifest.files)) {
    const bytes = await read(name, expected.bytes)
    if (!bytes) throw broken(name, 'is missing')
    if (bytes.length !== expected.bytes)
      throw broken(name, `has ${bytes.length} bytes, the manifest says ${expected.bytes}`)
    if (sha256(bytes) !== expected.sha256) throw broken(name, 'does not have the sha256 that the manifest gives')
    files[name] = bytes
  }
  return { manifest, digest: actual, files }
}
