import { stat } from 'node:fs/promises'

/** Whether something lies at a path, links followed. A path that cannot be looked at is a failure, not an absence. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false
    throw error
  }
}
