import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { Fault } from '../domain/faults.ts'

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the disk is read-only',
  EEXIST: 'it is a file, not a folder',
  ENOTDIR: 'a part of the path is a file',
  ENOSPC: 'the disk is full',
}
/** What the owner of the folder can mend. */
const RIGHTS = new Set(['EACCES', 'EPERM'])

/** Makes the folder of the state, for its owner alone, and proves that it can be written: before anything else is tried. */
export function openHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw unusable(home, error instanceof Error && 'code' in error ? String(error.code) : '', error)
  }
}

/** For those who only read the folder of the state: one that is not there is fine, a file is not. Nothing is made. */
export function refuseFile(home: string): void {
  let isFolder: boolean
  try {
    isFolder = statSync(home).isDirectory()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'ENOENT') return
    throw unusable(home, code, error)
  }
  if (!isFolder) throw unusable(home, 'EEXIST')
}

function unusable(home: string, code: string, cause?: unknown): Fault {
  const remedy = RIGHTS.has(code) ? 'Give it to the user that runs Barometer, or name another' : 'Name another'
  return new Fault('home_unusable', {
    say: `The folder of the state, ${home}, cannot be used: ${REASONS[code] ?? code}. ${remedy} with BAROMETER_HOME or --home.`,
    cause,
  })
}
