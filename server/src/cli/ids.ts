import { randomBytes } from 'node:crypto'
import { uuidv7Source } from '../domain/ids.ts'

/** One new id; a command makes one at most, so no source is kept. */
export function newId(now: () => number): string {
  return uuidv7Source(now, () => randomBytes(4).readUInt32LE())()
}
