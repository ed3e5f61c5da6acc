import { Fault } from '../../domain/faults.ts'

/** Classes of SQLSTATE that mean: the server cannot be reached or written now. */
const UNAVAILABLE_CLASSES = new Set([
  '08', // connection
  '53', // out of disk, memory or connections
  '57', // stopped, starting, or out of time
  '58', // its own disk
])
const UNAVAILABLE = new Set([
  '25006', // read-only: a standby after a failover
  '40001', // lost against parallel transactions, again and again
  '40P01', // deadlock
  '55P03', // lock not to be had
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT', // the socket's file
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
])
/** The driver has no codes for these. */
const UNAVAILABLE_WORDS =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable|Query read timeout/
const RETRY_AFTER_SECONDS = 2

export function toFault(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Fault) return error
  const code = codeOf(error)
  const unavailable =
    code === null
      ? UNAVAILABLE_WORDS.test(error.message)
      : UNAVAILABLE.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2))
  return unavailable ? new Fault('store_unavailable', { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error }) : error
}

export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}
