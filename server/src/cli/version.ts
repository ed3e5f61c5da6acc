import { readFileSync } from 'node:fs'

/** The version of Barometer itself. */
export const version: string = versionIn(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

function versionIn(json: string): string {
  const { version } = JSON.parse(json) as { version: string } // our own file
  return version
}
