/**
 * What a run needs to resume after its process died: the parameters with their moments, and where it was.
 *
 * A file is one line of JSON, then the arrays it lists, one after the other, as they lie in memory (little-endian). It
 * appears whole or not at all: it is written beside its place, synced, renamed, and the folder synced.
 */
import { type FileHandle, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault } from '../../domain/faults.ts'

/** By name; each is written from, or read into, where it lies. */
export type Arrays = Readonly<Record<string, Float32Array>>

interface Head {
  readonly format: 1
  readonly state: unknown
  /** [name, elements] in the order of the file. */
  readonly arrays: readonly (readonly [string, number])[]
}

/** One write call takes less than 2 GiB. */
const PIECE_BYTES = 2 ** 28
const HEAD_BYTES_MAX = 64 * 1024 * 1024
const NEWLINE = 10

export async function writeCheckpoint(path: string, state: unknown, arrays: Arrays): Promise<void> {
  const listed = Object.entries(arrays)
  const head: Head = { format: 1, state, arrays: listed.map(([name, { length }]) => [name, length]) }
  const beside = `${path}.part`
  const file = await open(beside, 'w')
  try {
    await file.writeFile(`${JSON.stringify(head)}\n`)
    for (const [, values] of listed) {
      for (const piece of piecesOf(values)) await writeAll(file, piece)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
  const folder = await open(dirname(path))
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/**
 * Reads what was written into the arrays, which must be the same by name and length.
 *
 * @param accepts looks at the state before the arrays are touched, and throws where it is of another run
 * @returns null where there is no such file
 */
export async function readCheckpoint<State>(
  path: string,
  arrays: Arrays,
  accepts: (state: unknown) => State,
): Promise<State | null> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  try {
    const { head, bytes } = await readHead(path, file)
    const same = head.arrays.length === Object.keys(arrays).length
    if (!same || head.arrays.some(([name, length]) => arrays[name]?.length !== length))
      throw unusable(path, 'is of a model of another size')
    const state = accepts(head.state)
    let at = bytes
    for (const [name] of head.arrays) {
      for (const piece of piecesOf(arrays[name])) {
        await readAll(path, file, piece, at)
        at += piece.length
      }
    }
    return state
  } finally {
    await file.close()
  }
}

export function unusable(path: string, why: string): Fault {
  return new Fault('checkpoint_unusable', { say: `The training run cannot be resumed: ${path} ${why}.` })
}

async function readHead(path: string, file: FileHandle): Promise<{ head: Head; bytes: number }> {
  let text = Buffer.alloc(0)
  while (text.length < HEAD_BYTES_MAX) {
    const more = Buffer.alloc(Math.max(65_536, text.length))
    const { bytesRead } = await file.read(more, 0, more.length, text.length)
    text = Buffer.concat([text, more.subarray(0, bytesRead)])
    const end = text.indexOf(NEWLINE)
    if (end !== -1) return { head: parseHead(path, text.toString('utf8', 0, end)), bytes: end + 1 }
    if (bytesRead === 0) break
  }
  throw unusable(path, 'is no checkpoint')
}

function parseHead(path: string, line: string): Head {
  let head: Partial<Head> | null
  try {
    head = JSON.parse(line) as Partial<Head> | null // its parts are looked at in the next line
  } catch {
    head = null
  }
  if (head?.format !== 1 || !Array.isArray(head.arrays)) throw unusable(path, 'is no checkpoint')
  return { format: 1, state: head.state, arrays: head.arrays }
}

function* piecesOf(values: Float32Array): Generator<Uint8Array> {
  for (let at = 0; at < values.byteLength; at += PIECE_BYTES) {
    yield new Uint8Array(values.buffer, values.byteOffset + at, Math.min(PIECE_BYTES, values.byteLength - at))
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten
}

async function readAll(path: string, file: FileHandle, into: Uint8Array, from: number): Promise<void> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, into.length - at, from + at)
    if (bytesRead === 0) throw unusable(path, 'ends too early')
    at += bytesRead
  }
}
