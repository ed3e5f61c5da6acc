import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../domain/faults.ts'
import type { TextModel } from '../../models/textModel.ts'
import {
  type Artifact,
  type ArtifactEntry,
  type ManifestParts,
  makeArtifact,
  PART_BYTES,
  prove,
  toEntries,
} from './artifact.ts'
import { storeArtifact, storeEntries, verifyArtifact, writeArtifact } from './folder.ts'
import { decodeArtifact } from './loadArtifact.ts'
import { digestLine, manifestBytes, parseManifest, sha256 } from './manifest.ts'

const parts: ManifestParts = {
  format: 1,
  kind: 'linear',
  model: 'reviews',
  task: 'sentiment',
  labels: ['negative', 'positive'],
  recipe: { name: 'test', parameters: { gramsMax: 3, seedless: false } },
  seed: 7,
  data: { rows: 2, sha256: 'a'.repeat(64), sources: [{ name: 'mine', rows: 2 }] },
  evaluations: [
    {
      name: 'held-out',
      rows: 2,
      metrics: { accuracy: { value: 0.5, low: 0, high: 1 } },
      confusion: [
        [1, 0],
        [1, 0],
      ],
    },
  ],
  calibration: { temperature: 1.25, rows: 2, ece: 0.01 },
  engine: '0.1.0',
  createdAt: '2026-01-02T03:04:05.000Z',
}
const files = {
  'model.bin': new Uint8Array([0, 1, 2, 250, 251, 252]),
  'reference.json': new TextEncoder().encode('{"rows":0}\n'),
}

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'artifact-test-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

let folders = 0
const freshFolder = () => join(root, `version-${++folders}`)

/** Expects the refusal, and that it names the file that is wrong. */
async function expectBroken(work: Promise<unknown>, say: RegExp): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert(error instanceof Fault, 'refused with a Fault')
  expect(error.code).toBe('artifact_broken')
  expect(error.message).toMatch(say)
}

describe('an artifact folder', () => {
  test('comes back exactly as it was written, and its digest is the sha256 of manifest.json', async () => {
    const folder = freshFolder()
    const written = await writeArtifact(folder, parts, files)
    const read = await verifyArtifact(folder, { digest: written.digest })
    expect(read.files).toEqual(files)
    expect(read.manifest).toMatchObject(parts)
    expect(read.digest).toBe(sha256(await readFile(join(folder, 'manifest.json'))))
    expect((await readdir(folder)).sort()).toEqual(['manifest.json', 'manifest.sha256', 'model.bin', 'reference.json'])
  })

  test('with any one byte of any of its files flipped is refused, by a fault that names a file', async () => {
    const entries = await Array.fromAsync(toEntries(makeArtifact(parts, files)))
    const places = entries.flatMap(({ name, bytes }) => Array.from(bytes, (_, at) => ({ name, at })))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), fc.integer({ min: 1, max: 255 }), async ({ name, at }, mask) => {
        const damaged = entries.map((entry) =>
          entry.name === name ? { name, bytes: flipped(entry.bytes, at, mask) } : entry,
        )
        await expectBroken(provenFrom(damaged), name.startsWith('manifest.') ? /manifest\./ : new RegExp(name))
      }),
      { numRuns: 400 },
    )
  })

  test('cut short or grown at any length is refused', async () => {
    const folder = freshFolder()
    await writeArtifact(folder, parts, files)
    await truncate(join(folder, 'model.bin'), 5)
    await expectBroken(verifyArtifact(folder), /model\.bin has 5 bytes, the manifest says 6/)
    await appendFile(join(folder, 'model.bin'), 'xyz')
    await expectBroken(verifyArtifact(folder), /model\.bin has 8 bytes, at most 6 were expected/)
  })

  test('that lacks a file, the manifest or the digest is refused by name', async () => {
    for (const name of ['model.bin', 'manifest.json', 'manifest.sha256']) {
      const folder = freshFolder()
      await writeArtifact(folder, parts, files)
      await rm(join(folder, name))
      await expectBroken(verifyArtifact(folder), new RegExp(`${name.replace('.', '\\.')} is missing`))
    }
    await expectBroken(verifyArtifact(join(root, 'nowhere')), /manifest\.json is missing/)
  })

  test('rewritten consistently, digest and all, is still refused by who knows its digest', async () => {
    const honest = makeArtifact(parts, files)
    const forged = makeArtifact({ ...parts, seed: 8 }, files)
    const entries = await Array.fromAsync(toEntries(forged))
    await provenFrom(entries)
    await expectBroken(provenFrom(entries, honest.digest), /the registry knows/)
  })

  test('may not reach outside of itself, by name or by link', async () => {
    for (const name of ['../model.bin', '/etc/passwd', 'a/b.bin', '..', 'Model.bin', 'model.bin\0', 'manifest.json']) {
      const entry = { bytes: 1, sha256: sha256(new Uint8Array(1)) }
      const manifest = manifestBytes({ ...parts, files: { [name]: entry } })
      expect(() => parseManifest(manifest), name).toThrow(Fault)
    }
    const folder = freshFolder()
    await writeArtifact(folder, parts, files)
    await rm(join(folder, 'model.bin'))
    await writeFile(join(root, 'outside.bin'), files['model.bin'])
    await symlink(join(root, 'outside.bin'), join(folder, 'model.bin'))
    await expectBroken(verifyArtifact(folder), /model\.bin is not a plain file/)
  })

  test('is not disturbed by files that the manifest does not list', async () => {
    const folder = freshFolder()
    await writeArtifact(folder, parts, files)
    await writeFile(join(folder, 'NOTES'), 'mine')
    expect((await verifyArtifact(folder)).files).toEqual(files)
  })

  test('never changes: the same again is fine, another one under its name is refused unless it is to be replaced', async () => {
    const folder = freshFolder()
    const first = await writeArtifact(folder, parts, files)
    expect((await writeArtifact(folder, parts, files)).digest).toBe(first.digest)
    await expect(writeArtifact(folder, { ...parts, seed: 8 }, files)).rejects.toThrow(/never changes/)
    expect((await verifyArtifact(folder)).digest).toBe(first.digest)
    const second = await writeArtifact(folder, { ...parts, seed: 8 }, files, { replace: true })
    expect((await verifyArtifact(folder)).digest).toBe(second.digest)
  })

  test('that could not be written leaves nothing behind', async () => {
    const parent = join(root, 'parent')
    await mkdir(parent)
    await writeFile(join(parent, 'taken'), '')
    await expect(writeArtifact(join(parent, 'taken'), parts, files)).rejects.toThrow()
    await expect(writeArtifact(join(parent, 'bad'), { ...parts, labels: ['one'] }, files)).rejects.toThrow(/labels/)
    expect(await readdir(parent)).toEqual(['taken'])
  })
})

describe('an archive of entries', () => {
  test('carries any artifact through a database and back into a folder', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 })
    await fc.assert(
      fc.asyncProperty(bytes, bytes, async (model, reference) => {
        const artifact = makeArtifact(parts, { 'model.bin': model, 'reference.json': reference })
        const folder = freshFolder()
        await storeEntries(folder, toEntries(artifact), artifact.digest)
        expect(await verifyArtifact(folder)).toEqual(artifact)
      }),
      { numRuns: 10 },
    )
  })

  test('cuts a large file into parts, and the folder that they are joined in keeps it out of memory', async () => {
    const weights = new Uint8Array(2 * PART_BYTES + 3).map((_, i) => (i * 2654435761) >>> 24)
    const artifact = makeArtifact(parts, { 'model.onnx': weights, 'transformer.json': new Uint8Array([123, 125]) })
    const entries = await Array.fromAsync(toEntries(artifact))
    expect(entries.map(({ name }) => name).slice(2)).toEqual([
      'model.onnx#0000',
      'model.onnx#0001',
      'model.onnx#0002',
      'transformer.json',
    ])
    const folder = freshFolder()
    await storeEntries(folder, entriesOf(entries), artifact.digest)
    const read = await verifyArtifact(folder, { digest: artifact.digest })
    expect(Object.keys(read.files)).toEqual(['transformer.json'])
    expect(read.paths).toEqual({ 'model.onnx': join(folder, 'model.onnx') })
    const again = freshFolder()
    await storeArtifact(again, read)
    expect(Buffer.compare(weights, await readFile(join(again, 'model.onnx')))).toBe(0)

    await expectBroken(storeEntries(freshFolder(), entriesOf(entries.slice(0, -2)), artifact.digest), /model\.onnx has/)
    const swapped = [...entries.slice(0, 2), entries[3], entries[2], ...entries.slice(4)]
    await expectBroken(storeEntries(freshFolder(), entriesOf(swapped), artifact.digest), /does not follow/)
    await writeFile(join(folder, 'model.onnx'), weights.with(weights.length - 1, 7))
    await expectBroken(verifyArtifact(folder), /model\.onnx does not have the sha256/)
  })

  test('with a name twice, or with one that leads elsewhere, is refused and leaves nothing behind', async () => {
    const artifact = makeArtifact(parts, files)
    const entries = await Array.fromAsync(toEntries(artifact))
    const folder = freshFolder()
    const refused = (given: readonly ArtifactEntry[], say: RegExp) =>
      expectBroken(storeEntries(folder, entriesOf(given), artifact.digest), say)
    await refused([...entries, entries[2]], /occurs twice/)
    await refused([...entries, { name: '../outside', bytes: new Uint8Array(1) }], /no name of a file/)
    await expect(readdir(folder)).rejects.toThrow(/ENOENT/)
  })
})

describe('a manifest', () => {
  test('has one form: the order of its keys changes nothing, and another layout is refused', () => {
    const artifact = makeArtifact(parts, files)
    const { engine, labels, ...rest } = artifact.manifest
    const shuffled = { labels, ...rest, engine }
    expect(manifestBytes(shuffled)).toEqual(manifestBytes(artifact.manifest))
    const compact = new TextEncoder().encode(JSON.stringify(artifact.manifest))
    expect(() => parseManifest(compact)).toThrow(/canonical/)
  })

  test('never throws anything but the fault, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => new TextEncoder().encode(text)),
        ),
        (bytes) => {
          expect(() => parseManifest(bytes)).toThrow(Fault)
        },
      ),
    )
  })

  test('is checkable with sha256sum', () => {
    expect(digestLine('ab')).toBe('ab  manifest.json\n')
  })
})

describe('decoding', () => {
  const model: TextModel = { labels: parts.labels, score: () => never(), explain: () => never() }

  test('gives the model, the manifest and the digest', () => {
    const artifact = makeArtifact(parts, files)
    expect(decodeArtifact(artifact, { ...refuses, linear: () => model })).toEqual({
      manifest: artifact.manifest,
      digest: artifact.digest,
      model,
    })
  })

  test('refuses a model of other labels, and says why a family refused', () => {
    const artifact = makeArtifact(parts, files)
    const other = { ...model, labels: ['positive', 'negative'] }
    expect(() => decodeArtifact(artifact, { ...refuses, linear: () => other })).toThrow(/other labels/)
    expect(() => decodeArtifact(artifact, refuses)).toThrow(/bad magic/)
  })
})

/** Proves entries where they are, in memory. */
function provenFrom(entries: readonly ArtifactEntry[], digest?: string): Promise<Artifact> {
  const byName = new Map(entries.map(({ name, bytes }) => [name, { bytes }]))
  return prove(async (name) => byName.get(name), digest)
}

async function* entriesOf(entries: readonly ArtifactEntry[]): AsyncGenerator<ArtifactEntry> {
  yield* entries
}

function flipped(bytes: Uint8Array, at: number, mask: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] ^= mask
  return copy
}

const refuses = { linear: refusing, severity: refusing }

function refusing(): never {
  throw new Error('bad magic')
}

function never(): never {
  throw new Error('not called')
}
