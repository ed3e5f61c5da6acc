/** A real server on a free port with a state folder of its own, for scenarios. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FaultBody } from '@barometer/wire'
import { type Config, loadConfig, type Overrides } from '../src/config.ts'
import { type RunningServer, startServer } from '../src/main.ts'

export interface Served extends RunningServer {
  readonly config: Config
  /** Sends JSON (or nothing) and reads JSON. */
  call<T = FaultBody>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>
  /** Stops, and starts again on the same state. */
  again(): Promise<Served>
  /** Stops and removes the state. */
  end(): Promise<void>
}

export interface Answer<T> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

export async function serve(overrides: Overrides = {}, home?: string): Promise<Served> {
  const folder = home ?? (await mkdtemp(join(tmpdir(), 'barometer-test-')))
  const config = loadConfig({}, folder, { home: folder, port: 0, logLevel: 'error', ...overrides })
  const server = await startServer(config)
  return {
    ...server,
    config,
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names what it asserts
    async call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const response = await fetch(server.address + path, {
        method,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.includes('json') === true && !text.includes('\n')
      const read: unknown = isJson ? JSON.parse(text) : text
      return { status: response.status, headers: response.headers, body: read as T } // as the caller says
    },
    async again() {
      await server.stop()
      return serve(overrides, folder)
    },
    async end() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
