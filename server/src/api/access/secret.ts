/** The server's own secret: keys are hashed and sessions signed under it. */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Secret } from '../../domain/secret.ts'
import { StartRefused } from './startRefused.ts'

/** 256 bits: the output of the hash that it keys (RFC 2104, 3). */
const SECRET_BYTES = 32

/** What a person may give as BAROMETER_SECRET; shorter ones can be guessed. */
const GIVEN_CHARS_MIN = 32

/**
 * The secret that was given (BAROMETER_SECRET), else the one in `home/keys/secret`, made at first use: mode 0600, whole
 * or not at all, the same for all that start at once.
 *
 * @throws StartRefused when it is too short, or when others on this machine may read the file.
 */
export function serverSecret(home: string, given: Secret | null): string {
  if (given !== null) {
    const value = given.reveal()
    if (value.length < GIVEN_CHARS_MIN)
      throw new StartRefused(`BAROMETER_SECRET must have at least ${GIVEN_CHARS_MIN} characters.`)
    return value
  }
  const path = join(home, 'keys', 'secret')
  return readSecret(path) ?? makeSecret(path)
}

function readSecret(path: string): string | null {
  let secret: string
  try {
    secret = readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null // readFileSync throws nothing else
    throw new StartRefused(`The secret ${path} cannot be read.`, { cause: error })
  }
  if (secret.length < GIVEN_CHARS_MIN)
    throw new StartRefused(`The secret ${path} is damaged: it is shorter than ${GIVEN_CHARS_MIN} characters.`)
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
    throw new StartRefused(`Others on this machine may read ${path}. Run: chmod 600 ${path}`)
  return secret
}

/** Written beside and linked into place, so that a reader sees a whole secret and the first of several makers wins. */
function makeSecret(path: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  if (process.platform !== 'win32') chmodSync(dirname(path), 0o700)
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, `${randomBytes(SECRET_BYTES).toString('base64url')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error // linkSync throws nothing else
  } finally {
    unlinkSync(draft)
  }
  const secret = readSecret(path)
  if (secret === null) throw new StartRefused(`The secret ${path} was removed while it was made.`)
  return secret
}
