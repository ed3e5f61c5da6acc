/** How a command ends when it does not end well: an exit code, and words for a person. */
import { Fault } from '../domain/faults.ts'

/** Documented in `barometer --help` and docs/guide/operations.md. */
export const exits = { ok: 0, failed: 1, usage: 2, warning: 3, critical: 4, interrupted: 130 } as const

/** The command line asks for something that makes no sense; the words say what would. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** It could not be done, for a reason outside of the table of faults (a server that is not there, a file in the way). */
export class OperatingError extends Error {
  override readonly name = 'OperatingError'
}

export interface Failure {
  /** '' where there is nothing to add. */
  readonly words: string
  readonly code: number
}

/** A person never gets a stack trace for what is no bug. */
export function explainFailure(error: unknown): Failure {
  if (error instanceof Fault) return { words: `barometer: ${error.message} (${error.code})`, code: exits.failed }
  if (!(error instanceof Error)) return { words: `barometer: ${String(error)}`, code: exits.failed }
  switch (error.name) {
    case 'UsageError':
    case 'ConfigError':
      return { words: `barometer: ${error.message}`, code: exits.usage }
    case 'OperatingError':
    case 'StartRefused':
      return { words: `barometer: ${error.message}`, code: exits.failed }
    case 'AbortError':
      return { words: 'barometer: stopped.', code: exits.interrupted }
  }
  if ('code' in error && typeof error.code === 'string' && error.code.startsWith('Z_'))
    return { words: `barometer: the packed file is damaged or cut short: ${error.message}.`, code: exits.failed }
  const system = systemWords(error)
  if (system !== null) return { words: `barometer: ${system}`, code: exits.failed }
  return {
    words: `barometer: this is a mistake in Barometer itself; please report it with these lines:\n${error.stack ?? error.message}`,
    code: exits.failed,
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is no folder',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
  EADDRINUSE: 'the port is taken already',
  EADDRNOTAVAIL: 'this machine has no such address',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the other side closed the connection',
  ENOTFOUND: 'no host has that name',
  ETIMEDOUT: 'no answer in time',
}

/** What the operating system refused, and where; null for any other error. */
function systemWords(error: Error): string | null {
  if (!('code' in error && typeof error.code === 'string') || !('syscall' in error)) return null
  const reason = reasons[error.code]
  if (reason === undefined) return `${error.message} (${error.code})`
  const path = 'path' in error && typeof error.path === 'string' ? error.path : null
  const address = 'address' in error && 'port' in error ? `${String(error.address)}:${String(error.port)}` : null
  return `${path ?? address ?? String(error.syscall)}: ${reason} (${error.code})`
}
