/** A file or a stream as plain bytes: read once, hashed as it lies on disk, unpacked where it is gzip or Zstandard. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { type Duplex, pipeline, Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { Fault } from '../../domain/faults.ts'

export interface Source {
  /** `-` for a stream. */
  readonly path: string
  /** As it lies on disk; null for a stream. */
  readonly bytesTotal: number | null
  readonly open: () => AsyncIterable<Uint8Array>
}

/** What has been read so far; `sha256()` is of the whole file once the stream has ended. */
export interface Reading {
  readonly bytes: AsyncIterable<Uint8Array>
  readonly bytesRead: () => number
  readonly sha256: () => string
}

const PART_BYTES = 1 << 18

/** Looks at a file without reading it. */
export async function findSource(path: string): Promise<Source> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    const why = missing ? 'there is no such file' : reason(cause)
    throw new Fault('data_broken', { say: `The data file ${path} cannot be opened: ${why}.`, cause })
  })
  try {
    const stat = await file.stat()
    if (stat.isDirectory()) throw new Fault('data_broken', { say: `${path} is a folder, not a file.` })
    const bytesTotal = stat.isFile() ? stat.size : null
    return { path, bytesTotal, open: () => createReadStream(path, { highWaterMark: PART_BYTES }) }
  } finally {
    await file.close()
  }
}

export function streamSource(stream: AsyncIterable<Uint8Array>): Source {
  return { path: '-', bytesTotal: null, open: () => stream }
}

export interface ReadWish {
  /** False where nobody asks for `sha256()`: a hash costs as much as reading does. */
  readonly isHashed: boolean
  readonly signal?: AbortSignal | undefined
}

/** Starts to read; the bytes come unpacked, whatever the name says, and can be iterated once. */
export function readSource(source: Source, { isHashed, signal }: ReadWish): Reading {
  const hash = isHashed ? createHash('sha256') : null
  let bytesRead = 0
  let digest: string | undefined
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const part of source.open()) {
      signal?.throwIfAborted()
      hash?.update(part)
      bytesRead += part.length
      yield part
    }
  }
  return {
    bytes: unpacked(source, counted()),
    bytesRead: () => bytesRead,
    sha256() {
      assert(hash !== null, 'a source that was read without a hash has none')
      return (digest ??= hash.digest('hex'))
    },
  }
}

async function* unpacked(source: Source, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const name = source.path === '-' ? 'Standard input' : `The data file ${source.path}`
  let unpacker: Duplex | null = null
  try {
    const { head, all } = await peek(bytes, MAGIC_BYTES)
    unpacker = unpackerFor(head)
    // The pipeline's own callback has nothing to add: a failure reaches the reader through the stream.
    yield* unpacker === null ? all : pipeline(Readable.from(all, { objectMode: false }), unpacker, () => {})
  } catch (cause) {
    if (cause instanceof Fault || (cause instanceof Error && cause.name === 'AbortError')) throw cause
    const what = unpacker === null ? 'cannot be read to its end' : 'cannot be unpacked'
    throw new Fault('data_broken', { say: `${name} ${what}: ${reason(cause)}.`, cause })
  }
}

const MAGIC_BYTES = 4

function unpackerFor(head: Uint8Array): Duplex | null {
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip({ chunkSize: PART_BYTES })
  // Zstandard, RFC 8878.
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd)
    return createZstdDecompress({ chunkSize: PART_BYTES })
  return null
}

/**
 * The first bytes of a stream, and the whole stream again.
 *
 * @param enough how many bytes to wait for, or a function that says when it has seen enough
 */
export async function peek(
  bytes: AsyncIterable<Uint8Array>,
  enough: number | ((part: Uint8Array, total: number) => boolean),
): Promise<{ head: Uint8Array; isWhole: boolean; all: AsyncIterable<Uint8Array> }> {
  const iterator = bytes[Symbol.asyncIterator]()
  const parts: Uint8Array[] = []
  let total = 0
  let isWhole = false
  for (;;) {
    const next = await iterator.next()
    if (next.done) {
      isWhole = true
      break
    }
    parts.push(next.value)
    total += next.value.length
    if (typeof enough === 'number' ? total >= enough : enough(next.value, total)) break
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    yield* parts
    if (!isWhole) yield* { [Symbol.asyncIterator]: () => iterator }
  }
  return { head: parts.length === 1 ? parts[0] : Buffer.concat(parts), isWhole, all: all() }
}

export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
