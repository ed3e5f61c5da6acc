/** What an error of PostgreSQL or of its driver means to us. https://www.postgresql.org/docs/current/errcodes-appendix.html */
import { Fault } from '../../domain/faults.ts'

/**
 * `again`: the transaction was undone for no fault of its own, and may well succeed at once.
 * `unavailable`: the database cannot be reached, read or written now.
 * `bug`: anything else; it is not to be retried and not to be hidden.
 */
export type Meaning = 'again' | 'unavailable' | 'bug'

/** The server has undone the transaction so that another could go on. */
const AGAIN = new Set([
  '40001', // serialization failure
  '40P01', // deadlock
])
/** Unique constraints on which two replicas can meet: the second finds what the first wrote when it tries again. */
const RACES = new Set([
  'predictions_by_caller', // the same id of a caller at once
  'hours_key', // a replica's number that a restored backup gave twice
])
/** What a statement that was prepared before is refused for after the schema changed or the session was reset. */
const STALE_SESSION = new Set([
  '0A000', // "cached plan must not change result type"
  '26000', // no such prepared statement: a pooler gave the session to another server
  '42P05', // there is one of that name already: the same
])
/** Classes of SQLSTATE, their first two characters. */
const UNAVAILABLE_CLASSES = new Set([
  '08', // connection
  '28', // the password or the role is refused: it was changed
  '3D', // no such database
  '53', // out of disk, memory or connections
  '57', // stopped, starting, cancelled, or out of time
  '58', // an error of its operating system
  'F0', // its configuration
])
const UNAVAILABLE = new Set([
  '25006', // read-only: a standby after a failover
  '25P03', // it ended a transaction that was idle for too long: ours stood still
  '25P04', // or one that took too long
  '40003', // whether the statement completed is not known
  '42501', // a right was taken away
  '42P01', // the tables are gone: the database was made anew
  '55P03', // lock not to be had in time
  '55006', // the object is in use
  'XX001', // data corrupted
  'XX002', // index corrupted
])
/** What Node says of sockets and names. */
const UNREACHABLE = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EMFILE',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
  'ENFILE',
  'ENOBUFS',
  'ENOENT', // the socket's file
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
])
/** The drivers have no codes for these. */
const UNAVAILABLE_WORDS =
  /Connection terminated|timeout expired|timeout exceeded when trying to connect|connection error|not queryable|has been discarded|already been destroyed|after calling end on the pool|support SSL|SSL connection/
const RETRY_AFTER_SECONDS = 2

/** An answer did not come within its time, and the connection was given up. */
export class NoAnswer extends Error {
  constructor(ms: number) {
    super(`The database has not answered for ${ms / 1000} s; its connection was given up.`)
    this.name = 'NoAnswer'
  }
}

export function meaningOf(error: unknown): Meaning {
  if (error instanceof NoAnswer) return 'unavailable'
  const code = codeOf(error)
  if (code === null) return error instanceof Error && UNAVAILABLE_WORDS.test(error.message) ? 'unavailable' : 'bug'
  if (AGAIN.has(code) || STALE_SESSION.has(code)) return 'again'
  if (code === '23505' && RACES.has((error as { constraint?: string }).constraint ?? '')) return 'again'
  const unavailable =
    UNAVAILABLE.has(code) ||
    UNREACHABLE.has(code) ||
    (isSqlState(code) && UNAVAILABLE_CLASSES.has(code.slice(0, 2))) ||
    code.startsWith('ERR_TLS') ||
    code.startsWith('ERR_SSL')
  return unavailable ? 'unavailable' : 'bug'
}

/** Whether the connection on which it happened can carry the next transaction. */
export function isConnectionUsable(error: unknown): boolean {
  const code = codeOf(error)
  if (code === null || !isSqlState(code)) return false
  // After a failover the session is with a standby; a stale one would refuse the same statement for ever.
  if (code === '25006' || STALE_SESSION.has(code)) return false
  return (error as { severity?: string }).severity === 'ERROR' && code.slice(0, 2) !== '08'
}

/** What others see: a Fault where the database is at fault (also where trying again did not help), else the error. */
export function toFault(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Fault) return error
  if (meaningOf(error) === 'bug') return error
  return new Fault('store_unavailable', { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error })
}

/** An error for the log: only its words, because the driver hangs the connection with all its settings onto it. */
export function factsOf(error: unknown): { readonly why: string; readonly code: string | null } {
  const { cause } = error instanceof Error ? error : {}
  const why =
    error instanceof Fault && cause instanceof Error
      ? cause.message
      : error instanceof Error
        ? error.message
        : String(error)
  return { why, code: codeOf(error) }
}

/** Whatever keeps a connection from being opened: the database cannot be used now, for whatever reason. */
export function unreachable(error: unknown): unknown {
  if (error instanceof Fault) return error
  return new Fault('store_unavailable', { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error })
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && !UNREACHABLE.has(code)
}
