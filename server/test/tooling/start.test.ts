/** A start that cannot succeed says why and ends, whatever it is that fails. And what a start writes is its owner's alone. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

const command = fileURLToPath(new URL('../../bin/barometer.mjs', import.meta.url))
/** From the failure to the end of the process there are seconds at most, also on a busy machine. */
const END_MS = 45_000

let folder: string
let taken: Server
let port: number
let homes = 0
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'barometer-start-'))
  taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  port = (taken.address() as { port: number }).port
})
afterAll(() => {
  taken.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Ended {
  readonly code: number | null
  readonly err: string
  readonly ms: number
}

function start(args: readonly string[], env: Readonly<Record<string, string>>, shell?: string): ChildProcess {
  const [program, ...before] =
    shell === undefined
      ? [process.execPath]
      : ['unshare', '-m', 'sh', '-c', `${shell}; exec "$@"`, 'sh', process.execPath]
  return spawn(program, [...before, command, ...args], {
    env: { ...process.env, LOG_LEVEL: 'silent', NO_COLOR: '1', PORT: '0', ...env },
    cwd: folder,
  })
}

function ended(child: ChildProcess): Promise<Ended> {
  const began = performance.now()
  let err = ''
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
  return new Promise((resolve) =>
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, err, ms: performance.now() - began })
    }),
  )
}

function home(): string {
  const path = join(folder, `home-${homes++}`)
  mkdirSync(path)
  return path
}

function withDatabase(content: string | Uint8Array | ((db: DatabaseSync) => void)): string {
  const path = home()
  const file = join(path, 'barometer.db')
  if (typeof content !== 'function') writeFileSync(file, content)
  else {
    const db = new DatabaseSync(file)
    content(db)
    db.close()
  }
  return path
}

const NEWER = `create table migrations (number integer primary key, name text, at integer);
  create table marks (name text primary key, value integer);
  insert into migrations values (999, 'future', 0)`

const unusable: Readonly<Record<string, readonly [make: () => string, says: RegExp]>> = {
  'a database that is no database': [
    () => withDatabase('this is a letter, and not a short one '.repeat(200)),
    /barometer\.db is not a SQLite database.*\(store_unusable\)/,
  ],
  'a database that was cut off': [
    () => {
      const path = withDatabase((db) => db.exec('create table t (a); insert into t values (zeroblob(100000))'))
      truncateSync(join(path, 'barometer.db'), 5000)
      return path
    },
    /barometer\.db is damaged.*\(store_unusable\)/,
  ],
  'a database with a newer schema': [() => withDatabase((db) => db.exec(NEWER)), /schema 999.*\(store_unusable\)/],
  'a database of another program': [
    () => withDatabase((db) => db.exec('create table bookmarks (url text)')),
    /another program.*\(store_unusable\)/,
  ],
  'a folder in the place of the database': [
    () => {
      const path = home()
      mkdirSync(join(path, 'barometer.db'))
      return path
    },
    /barometer\.db cannot be opened.*\(store_unavailable\)/,
  ],
  'a file in the place of the home': [
    () => {
      const path = join(folder, `file-${homes++}`)
      writeFileSync(path, '')
      return path
    },
    /cannot be used: it is a file.*\(home_unusable\)/,
  ],
  'a home under a file': [
    () => {
      const path = join(folder, `file-${homes++}`)
      writeFileSync(path, '')
      return join(path, 'home')
    },
    /cannot be used: a part of the path is a file.*\(home_unusable\)/,
  ],
}

function expectClear({ code, err, ms }: Ended, says: RegExp) {
  expect(err).toMatch(says)
  expect(err).not.toMatch(/mistake in Barometer|^ {4}at /m)
  expect(code).toBe(1)
  expect(ms).toBeLessThan(END_MS)
}

describe.each(['serve', 'db check'])('barometer %s', (line) => {
  test.concurrent.each(Object.entries(unusable))('says %s and ends', async (_what, [make, says]) => {
    expectClear(await ended(start(line.split(' '), { BAROMETER_HOME: make() })), says)
  })
})

const refused: Readonly<Record<string, readonly [env: () => Record<string, string>, says: RegExp]>> = {
  'a port in use': [() => ({ PORT: String(port), BAROMETER_HOME: join(folder, 'used') }), /the port is taken already/],
  'an address that needs a key': [() => ({ HOST: '0.0.0.0', BAROMETER_HOME: join(folder, 'used') }), /key/],
  'a secret that is too short': [() => ({ BAROMETER_SECRET: 'short' }), /BAROMETER_SECRET/],
  'a damaged secret': [
    () => {
      const path = home()
      mkdirSync(join(path, 'keys'))
      writeFileSync(join(path, 'keys', 'secret'), 'x', { mode: 0o600 })
      return { BAROMETER_HOME: path }
    },
    /secret .*damaged/,
  ],
  'a file in the place of the models': [
    () => {
      const path = home()
      writeFileSync(join(path, 'models'), '')
      return { BAROMETER_HOME: path }
    },
    /models/,
  ],
  'a PostgreSQL that is not there': [
    () => ({ DATABASE_URL: 'postgres://nobody@127.0.0.1:9/nothing' }),
    /\(store_unavailable\)/,
  ],
}

test.each(Object.entries(refused))('a start says %s and ends', async (_what, [env, says]) => {
  expectClear(await ended(start(['serve'], { BAROMETER_HOME: home(), ...env() })), says)
})

test.skipIf(!mayRemount())('a home on a volume that cannot be written is said, and the start ends', async () => {
  const path = home()
  const shell = `mount --bind "${path}" "${path}" && mount -o remount,ro,bind "${path}"`
  expectClear(await ended(start(['serve'], { BAROMETER_HOME: path }, shell)), /read-only.*\(home_unusable\)/)
})

test('a start that waits is ended by SIGTERM', async () => {
  const path = home()
  const locked = new DatabaseSync(join(path, 'barometer.db'))
  locked.exec('pragma journal_mode = wal; begin exclusive')
  const child = start(['serve'], { BAROMETER_HOME: path })
  const end = ended(child)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  expect(child.exitCode).toBeNull()
  child.kill('SIGTERM')
  const { code, err } = await end
  locked.close()
  expect({ code, err }).toEqual({ code: 130, err: 'barometer: stopped.\n' })
})

test('no file of a home may be read by others at any moment, whatever the umask', async () => {
  const path = home()
  chmodSync(path, 0o755)
  const seen = new Map<string, number>()
  const rows = join(folder, 'rows.csv')
  writeFileSync(
    rows,
    `text,label\n${Array.from({ length: 60 }, (_, i) => `${i % 2 ? 'good' : 'bad'} thing ${i},${i % 2 ? 'up' : 'down'}\n`).join('')}`,
  )
  const child = spawn('sh', ['-c', 'umask 0; "$@" serve & wait $!', 'sh', process.execPath, command], {
    env: { ...process.env, BAROMETER_HOME: path, PORT: '0', LOG_LEVEL: 'silent' },
    cwd: folder,
    detached: true,
  })
  onTestFinished(() => {
    // Of a test that failed half-way.
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, 'SIGKILL')
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ready = await watched(path, seen, () => /http:\/\/localhost:\d+/.exec(said)?.[0])
  const answer = await fetch(`${ready}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'for my eyes only' }),
  })
  expect(answer.status).toBe(200)
  const train = spawn(
    'sh',
    ['-c', 'umask 0; exec "$@"', 'sh', process.execPath, command, 'train', '--data', rows, '--name', 'pets', '--quick'],
    { env: { ...process.env, BAROMETER_HOME: path }, cwd: folder, stdio: 'ignore' },
  )
  const trained = ended(train)
  await watched(path, seen, () => train.exitCode ?? undefined)
  expect((await trained).code).toBe(0)
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
  await watched(path, seen, () => child.exitCode ?? child.signalCode ?? undefined)
  const names = [...seen.keys()]
  for (const part of ['barometer.db', 'barometer.db-wal', 'barometer.db-shm', 'keys/secret', 'manifest.json'])
    expect(names.some((name) => name.endsWith(part))).toBe(true)
  expect([...seen].filter(([, mode]) => (mode & 0o077) !== 0)).toEqual([])
}, 60_000)

/** Looks at every file under a folder again and again until there is an answer. */
async function watched<T>(path: string, seen: Map<string, number>, until: () => T | undefined): Promise<T> {
  const end = performance.now() + 30_000
  for (;;) {
    for (const name of namesUnder(path)) {
      // What others may do at any moment counts; a file that went meanwhile was seen before or never.
      const stat = lstatSync(join(path, name), { throwIfNoEntry: false })
      if (stat !== undefined) seen.set(name, (seen.get(name) ?? 0) | (stat.mode & 0o777))
    }
    const answer = until()
    if (answer !== undefined) return answer
    if (performance.now() > end) throw new Error('It did not come about.')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function namesUnder(path: string): string[] {
  try {
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
  } catch (error) {
    // A folder that went while it was read.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

function mayRemount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' })
    return process.platform === 'linux'
  } catch {
    return false
  }
}
