/** A file as a stream of plain bytes: read once, hashed as it lies on disk, unpacked where it is gzip. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { PassThrough, pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Fault } from '../../domain/faults.ts'

export interface Source {
  readonly path: string
  readonly bytesTotal: number
  readonly gzip: boolean
  /** The first bytes of the file, unpacked or not, as they lie there: enough to recognise a format. */
  readonly magic: Uint8Array
}

/** What has been read so far; `sha256()` is of the whole file once the stream has ended. */
export interface Reading {
  readonly bytes: AsyncIterable<Uint8Array>
  bytesRead(): number
  sha256(): string
}

/** Looks at a file without reading it. */
export async function findSource(path: string): Promise<Source> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new Fault('data_broken', { say: `The data file ${path} cannot be opened: ${reason(cause)}.`, cause })
  })
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new Fault('data_broken', { say: `${path} is not a file.` })
    const { buffer, bytesRead } = await file.read(new Uint8Array(8), 0, 8, 0)
    const magic = buffer.subarray(0, bytesRead)
    return { path, bytesTotal: stat.size, gzip: magic[0] === 0x1f && magic[1] === 0x8b, magic }
  } finally {
    await file.close()
  }
}

/** Starts to read; the bytes come unpacked and can be iterated once. */
export function readSource(source: Source, signal?: AbortSignal): Reading {
  const hash = createHash('sha256')
  let bytesRead = 0
  const file = createReadStream(source.path, { highWaterMark: 1 << 18, ...(signal ? { signal } : {}) })
  file.on('data', (chunk: string | Buffer) => {
    hash.update(chunk)
    bytesRead += chunk.length
  })
  file.pause()
  let digest: string | undefined
  return {
    // The pipeline's own callback has nothing to add: a failure reaches the reader through the stream.
    bytes: unpacked(
      source,
      pipeline(file, source.gzip ? createGunzip({ chunkSize: 1 << 18 }) : new PassThrough(), () => {}),
    ),
    bytesRead: () => bytesRead,
    sha256: () => (digest ??= hash.digest('hex')),
  }
}

async function* unpacked(source: Source, stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'AbortError') throw cause
    throw new Fault('data_broken', {
      say: `The data file ${source.path} cannot be read to its end: ${reason(cause)}.`,
      cause,
    })
  }
}

export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
