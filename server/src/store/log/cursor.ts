import { Fault } from '../../domain/faults.ts'

/** The position of the last row of a page, for people to pass on unread. */
export function writeCursor(seq: number): string {
  return seq.toString(36)
}

export function readCursor(cursor: string): number {
  const seq = /^[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor, 36) : NaN
  if (!Number.isSafeInteger(seq)) throw new Fault('bad_request', { say: 'The cursor is not one that a page returned.' })
  return seq
}
