/** One file of the Hub into the cache: resumed where it broke off, and kept only if its hash is right. */
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import { isThere } from '../../platform/isThere.ts'
import { type FileProof, startHash } from './cache.ts'
import type { Hub } from './hub.ts'
import { ConnectionBroken, chunks, pause, request } from './request.ts'

/** Of one download: a hub that breaks off after every byte is given up, too. */
const CONNECTIONS_MAX = 100

export interface Download extends FileProof {
  /** As people know it, for messages. */
  readonly title: string
  readonly address: string
  /** Where it shall be. Until it is whole, its bytes are beside it, in a file that ends in `.incomplete`. */
  readonly target: string
  readonly signal: AbortSignal
  /** Bytes that are there by now, of this file. */
  readonly onBytes: (bytes: number) => void
}

/**
 * Downloads a file unless it is there. A connection that breaks is opened again where it broke, as long as each brings
 * something; a killed process is resumed by the next one. Two processes at once do no harm: both write
 * the same bytes at the same places.
 */
export async function download(hub: Hub, asked: Download): Promise<void> {
  if (await isThere(asked.target)) return asked.onBytes(asked.size)
  await mkdir(dirname(asked.target), { recursive: true })
  const partial = `${asked.target}.incomplete`
  const before = await sizeOf(partial)
  if (await fetched(hub, asked, partial)) return
  // What an earlier run left may have been wrong; what this run fetched from the first byte on was the hub's.
  if (before > 0 && (await fetched(hub, asked, partial))) return
  throw new Fault('hub_broken', {
    say: `${asked.title} is not what ${new URL(hub.endpoint).host} says it is: its ${asked.hash.length === 64 ? 'sha256' : 'hash'} is another. Nothing was kept.`,
  })
}

/** @returns false where all bytes came and the hash is wrong; they are removed. */
async function fetched(hub: Hub, asked: Download, partial: string): Promise<boolean> {
  const { size, hash, target, signal } = asked
  const found = startHash(asked)
  const file = await open(partial, 'a+').then(async (created) => {
    await created.close()
    return open(partial, 'r+') // positions count in this mode; in the appending one they do not
  })
  try {
    let at = await hashed(partial, size, found)
    asked.onBytes(at)
    let failures = 0
    let connections = 0
    while (at < size) {
      const start = at
      try {
        for await (const piece of piecesFrom(hub, asked, at)) {
          if (at + piece.length > size)
            throw new Fault('hub_broken', {
              say: `${asked.title} has more than the ${size} bytes that were announced.`,
            })
          await writeAt(file, piece, at)
          found.update(piece)
          at += piece.length
          asked.onBytes(at)
        }
        if (at < size) throw new ConnectionBroken('the answer ended too soon', { mayRecover: true })
      } catch (error) {
        if (!(error instanceof ConnectionBroken)) throw error
        failures = at > start ? 0 : failures + 1
        if (failures >= hub.limits.attempts || ++connections >= CONNECTIONS_MAX)
          throw new Fault('hub_unreachable', {
            say: `${asked.title} could not be fetched to its end: ${error.message}. ${at} of ${size} bytes are kept; the next attempt resumes there.`,
            cause: error,
          })
        await pause(hub.limits.pauseMs * 2 ** failures, signal)
      }
    }
    await file.truncate(size)
    await file.sync()
  } finally {
    await file.close()
  }
  if (found.digest('hex') !== hash) {
    await rm(partial, { force: true })
    return false
  }
  await rename(partial, target).catch(async (error: unknown) => {
    if (!(await isThere(target))) throw error // else another process was first, with the same bytes
  })
  return true
}

/** Hashes what an earlier run has left. @returns how much of it there is; what is too long is cut by the writer. */
async function hashed(partial: string, size: number, hash: ReturnType<typeof startHash>): Promise<number> {
  let at = 0
  if (size === 0) return at
  for await (const chunk of createReadStream(partial, { highWaterMark: 1 << 20, end: size - 1 })) {
    hash.update(chunk)
    at += chunk.length
  }
  return at
}

/** The file from the byte `start` on. */
async function* piecesFrom(hub: Hub, asked: Download, start: number): AsyncGenerator<Uint8Array> {
  const { address, signal, title, size } = asked
  const response = await request(hub, address, start > 0 ? { range: `bytes=${start}-` } : {}, signal)
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '')
  let skip = 0
  if (response.status === 206) {
    if (range === null || Number(range[1]) !== start || (range[2] !== '*' && Number(range[2]) !== size)) {
      await response.body?.cancel()
      throw new Fault('hub_broken', { say: `${title} comes in another part than was asked for.` })
    }
  } else if (response.status === 416) {
    await response.body?.cancel()
    throw new Fault('hub_broken', { say: `${title} is shorter than the ${size} bytes that were announced.` })
  } else skip = start // the server knows no ranges, and sends it all again
  for await (const piece of chunks(hub, response, signal)) {
    if (skip >= piece.length) skip -= piece.length
    else {
      yield skip === 0 ? piece : piece.subarray(skip)
      skip = 0
    }
  }
}

async function writeAt(file: FileHandle, piece: Uint8Array, at: number): Promise<void> {
  let written = 0
  while (written < piece.length) {
    const { bytesWritten } = await file.write(piece, written, piece.length - written, at + written)
    written += bytesWritten
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}
