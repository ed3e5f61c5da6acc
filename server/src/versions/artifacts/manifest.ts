/**
 * The manifest's form on disk: one canonical text for one manifest, so that its sha256 names the version.
 *
 * Canonical here is RFC 8785's order and numbers (keys sorted by UTF-16 code units, shortest round-trip
 * numbers, no undefined) with two-space indentation and a final newline, so that people can read and diff it.
 */
import { createHash } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { Fault } from '../../domain/faults.ts'
import { type Manifest, modelKinds } from '../../domain/version.ts'

export const MANIFEST_NAME = 'manifest.json'
/** Holds the manifest's digest in the form of sha256sum, so that the folder proves itself without a registry. */
export const DIGEST_NAME = 'manifest.sha256'

/** What an artifact may measure: far above every model in the box, far below what would exhaust the memory. */
export const artifactLimits = {
  files: 32,
  /** A base-sized encoder in fp32 with a large vocabulary (XLM-R base: 1.1 GB). */
  fileBytes: 2 * 1024 * 1024 * 1024 - 1,
  manifestBytes: 4 * 1024 * 1024,
} as const

/** Lower case, so that no two names meet on a file system that ignores case; no separator, so that none leaves the folder. */
const FILE_NAME = '^[a-z0-9][a-z0-9_-]*(\\.[a-z0-9_-]+)*$'

const FILE_PATTERN = new RegExp(FILE_NAME)

/** Whether a file of an artifact may be called so. */
export function isFileName(name: string): boolean {
  return FILE_PATTERN.test(name)
}

const Count = Type.Integer({ minimum: 0 })
const Name = Type.String({ minLength: 1, maxLength: 200 })
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Estimate = Type.Object({ value: Type.Number(), low: Type.Number(), high: Type.Number() })

const ManifestForm = Type.Object({
  format: Type.Literal(1),
  kind: Type.Union(modelKinds.map((kind) => Type.Literal(kind))),
  model: Name,
  task: Name,
  labels: Type.Array(Name, { minItems: 2, maxItems: 1000, uniqueItems: true }),
  recipe: Type.Object({
    name: Name,
    parameters: Type.Record(Type.String(), Type.Union([Type.Number(), Type.String(), Type.Boolean()])),
  }),
  seed: Type.Number(),
  data: Type.Object({
    rows: Count,
    sha256: Sha256,
    sources: Type.Array(Type.Object({ name: Name, rows: Count, terms: Type.Optional(Type.String()) })),
  }),
  evaluations: Type.Array(
    Type.Object({
      name: Name,
      rows: Count,
      metrics: Type.Record(Type.String(), Estimate),
      confusion: Type.Optional(Type.Array(Type.Array(Count))),
    }),
  ),
  calibration: Type.Object({
    temperature: Type.Number({ exclusiveMinimum: 0 }),
    rows: Count,
    ece: Type.Number({ minimum: 0, maximum: 1 }),
  }),
  files: Type.Record(
    Type.String({ pattern: FILE_NAME }),
    Type.Object({ bytes: Type.Integer({ minimum: 0, maximum: artifactLimits.fileBytes }), sha256: Sha256 }),
    { minProperties: 1, maxProperties: artifactLimits.files, additionalProperties: false },
  ),
  engine: Name,
  createdAt: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$' }),
})

/** The bytes of manifest.json. */
export function manifestBytes(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(sortKeys(manifest), null, 2)}\n`)
}

/** Reads manifest.json; refuses what is not a manifest of this format, or is not in its canonical form. */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > artifactLimits.manifestBytes)
    throw broken(MANIFEST_NAME, `is larger than ${artifactLimits.manifestBytes} bytes`)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw broken(MANIFEST_NAME, 'is not valid JSON in UTF-8', cause)
  }
  if (!Value.Check(ManifestForm, value)) {
    const first = Value.Errors(ManifestForm, value)[0]
    throw broken(
      MANIFEST_NAME,
      `does not have the form of a manifest: ${first?.instancePath || '/'} ${first?.message ?? ''}`.trim(),
    )
  }
  const manifest: Manifest = value satisfies Static<typeof ManifestForm>
  if (manifest.files[MANIFEST_NAME] || manifest.files[DIGEST_NAME]) throw broken(MANIFEST_NAME, 'lists itself')
  if (!sameBytes(manifestBytes(manifest), bytes)) throw broken(MANIFEST_NAME, 'is not in its canonical form')
  return manifest
}

/** @returns sha256 of the bytes in lower-case hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The one line of manifest.sha256; `sha256sum -c manifest.sha256` understands it. */
export function digestLine(digest: string): string {
  return `${digest}  ${MANIFEST_NAME}\n`
}

/** The fault that names the file and what is wrong with it. */
export function broken(file: string, why: string, cause?: unknown): Fault {
  return new Fault('artifact_broken', {
    say: `The model version cannot be trusted: ${file} ${why}.`,
    ...(cause === undefined ? {} : { cause }),
  })
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sortKeys(inner)]))
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
