import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ModelFiles } from './modelFiles.ts'
import { besideOf, type PullNeeds, pathsOf } from './pullModel.ts'

/**
 * What a folder's model is, whatever the folder is called: sha256 over the paths and the sha256 of all files that it is
 * served from. A commit of the Hub says as much; a folder has none.
 */
export async function contentHash(
  { folder, chosen }: ModelFiles,
  needs: Pick<PullNeeds, 'externalFiles'>,
): Promise<string> {
  const paths = [...pathsOf(chosen), ...(await besideOf(folder, chosen, needs)).keys()].sort()
  const whole = createHash('sha256')
  for (const path of paths) whole.update(`${path}\0${await fileHash(join(folder, path))}\n`)
  return whole.digest('hex')
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
