/** The weights of a model, where a thread needs them: read once, and verified by their hash. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ModelSource } from './messages.ts'

/** Blocks the thread: the server's own has better things to do. */
export function modelBytes(source: ModelSource): Uint8Array {
  if ('bytes' in source) return source.bytes
  const bytes = readFileSync(source.path)
  if (createHash('sha256').update(bytes).digest('hex') !== source.sha256)
    throw new Error(`${source.path} is not the file that was registered`)
  return bytes
}
