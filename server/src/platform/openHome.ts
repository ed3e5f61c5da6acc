import { accessSync, constants, mkdirSync } from 'node:fs'
import { Fault } from '../domain/faults.ts'

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the disk is read-only',
  EEXIST: 'it is a file, not a folder',
  ENOTDIR: 'a part of the path is a file',
  ENOSPC: 'the disk is full',
}

/** Makes the folder of the state, for its owner alone, and proves that it can be written: before anything else is tried. */
export function openHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw new Fault('home_unusable', {
      say: `The folder of the state, ${home}, cannot be used: ${REASONS[code] ?? code}. Give it to the user that runs Barometer, or name another with BAROMETER_HOME.`,
      cause: error,
    })
  }
}
