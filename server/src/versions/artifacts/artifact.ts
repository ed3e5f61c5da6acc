/**
 * An artifact: the manifest and its files, proven against each other.
 *
 * Small files are held in memory. The large ones (a neural model's weights) of an artifact that lies on disk stay
 * there: their hash is proven in passing, and who needs them reads them from their path.
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Manifest } from '../../domain/version.ts'
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
  /** By name: the files that are held. With `paths` it is every file that the manifest lists. */
  readonly files: Readonly<Record<string, Uint8Array>>
  /** By name: where the large files lie that are not held. Absolute. */
  readonly paths: Readonly<Record<string, string>>
}

/** A file of more bytes stays on disk. Far above every linear model, far below every encoder that deserves the name. */
export const HELD_BYTES_MAX = 16 * 1024 * 1024

/**
 * One piece of an artifact on its way to or from a database: manifest.json, manifest.sha256 and the listed files. A file
 * of more than PART_BYTES is cut; its parts are called `name#0000`, `name#0001` and so on (no file has a # in its name).
 */
export interface ArtifactEntry {
  readonly name: string
  readonly bytes: Uint8Array
}

/** What a database takes and gives in one row without harm: its driver writes bytes out as hexadecimal text. */
export const PART_BYTES = 8 * 1024 * 1024

/** All of the manifest but the list of files, which follows from the files. */
export type ManifestParts = Omit<Manifest, 'files'>

/** Makes an artifact out of its parts. Throws artifact_broken where the result could not be loaded again. */
export function makeArtifact(parts: ManifestParts, files: Readonly<Record<string, Uint8Array>>): Artifact {
  const listed = Object.entries(files).map(
    ([name, bytes]) => [name, { bytes: bytes.length, sha256: sha256(bytes) }] as const,
  )
  const bytes = manifestBytes({ ...parts, files: Object.fromEntries(listed) })
  return { manifest: parseManifest(bytes), digest: sha256(bytes), files, paths: {} }
}

/** manifest.json and manifest.sha256. */
export function headEntries({ manifest, digest }: Pick<Artifact, 'manifest' | 'digest'>): ArtifactEntry[] {
  return [
    { name: MANIFEST_NAME, bytes: manifestBytes(manifest) },
    { name: DIGEST_NAME, bytes: new TextEncoder().encode(digestLine(digest)) },
  ]
}

/** The entries to store, in a stable order: the manifest, its digest, then the files by name, one piece in memory at a time. */
export async function* toEntries(artifact: Artifact): AsyncGenerator<ArtifactEntry> {
  yield* headEntries(artifact)
  for (const [name, { bytes: size }] of Object.entries(artifact.manifest.files)) {
    if (size <= PART_BYTES) {
      yield { name, bytes: await wholeFile(artifact, name) }
      continue
    }
    let part = 0
    for await (const bytes of piecesOf(artifact, name, PART_BYTES)) yield { name: partName(name, part++), bytes }
  }
}

/** The name that a database knows the part of a file by. */
export function partName(name: string, part: number): string {
  return `${name}#${String(part).padStart(4, '0')}`
}

/** A file of the artifact, whole. */
export async function wholeFile(artifact: Artifact, name: string): Promise<Uint8Array> {
  const held = artifact.files[name]
  return held ?? (await readFile(artifact.paths[name]))
}

async function* piecesOf({ files, paths }: Artifact, name: string, bytesMax: number): AsyncGenerator<Uint8Array> {
  const held = files[name]
  if (held === undefined) {
    let piece: Buffer[] = []
    let length = 0
    for await (const chunk of createReadStream(paths[name], { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      piece.push(chunk) // the chunks of a stream without an encoding are buffers
      length += chunk.length
      if (length < bytesMax) continue
      yield Buffer.concat(piece)
      piece = []
      length = 0
    }
    if (length > 0) yield Buffer.concat(piece)
    return
  }
  for (let at = 0; at < held.length; at += bytesMax) yield held.subarray(at, at + bytesMax)
}

/** What is known of a file before it is verified. */
export type Proof =
  | { readonly bytes: Uint8Array }
  | { readonly path: string; readonly size: number; readonly sha256: string }

/**
 * What verification asks of a place that keeps files: what lies under a name, or undefined where there is nothing.
 * A file of more than `heldMax` bytes may be given by its path, size and hash.
 */
export type ReadFile = (name: string, bytesMax: number, heldMax: number) => Promise<Proof | undefined>

/** The one place that decides whether an artifact is whole. */
export async function prove(read: ReadFile, digest?: string): Promise<Artifact> {
  const manifestFile = await small(read, MANIFEST_NAME, artifactLimits.manifestBytes)
  const actual = sha256(manifestFile)
  const line = await small(read, DIGEST_NAME, 1024)
  if (new TextDecoder().decode(line) !== digestLine(actual))
    throw broken(DIGEST_NAME, `does not hold the sha256 of ${MANIFEST_NAME}`)
  if (digest !== undefined && digest !== actual)
    throw broken(MANIFEST_NAME, `has the sha256 ${actual}, the registry knows ${digest}`)
  const manifest = parseManifest(manifestFile)
  const files: Record<string, Uint8Array> = {}
  const paths: Record<string, string> = {}
  for (const [name, expected] of Object.entries(manifest.files)) {
    const found = await read(name, expected.bytes, HELD_BYTES_MAX)
    if (!found) throw broken(name, 'is missing')
    const size = 'bytes' in found ? found.bytes.length : found.size
    if (size !== expected.bytes) throw broken(name, `has ${size} bytes, the manifest says ${expected.bytes}`)
    const hash = 'bytes' in found ? sha256(found.bytes) : found.sha256
    if (hash !== expected.sha256) throw broken(name, 'does not have the sha256 that the manifest gives')
    if ('bytes' in found) files[name] = found.bytes
    else paths[name] = found.path
  }
  return { manifest, digest: actual, files, paths }
}

async function small(read: ReadFile, name: string, bytesMax: number): Promise<Uint8Array> {
  const found = await read(name, bytesMax, bytesMax)
  if (!found) throw broken(name, 'is missing')
  if (!('bytes' in found)) throw broken(name, `has ${found.size} bytes, at most ${bytesMax} were expected`)
  return found.bytes
}
