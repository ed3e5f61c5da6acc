/** Barometer as a server under test, and its command. */
import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { openStore } from '../src/store/openStore.ts'
import type { Subject } from './subject.ts'

/**
 * @param root      the checkout
 * @param home      the state's folder; SQLite, and every setting at its default
 * @param nodeFlags for Node; without any, the command starts by its own first line, as a user starts it
 * @param name      `before` for another checkout that this one is compared with
 */
export function barometer(
  root: string,
  home: string,
  nodeFlags: readonly string[] = [],
  name: 'barometer' | 'before' = 'barometer',
): Subject {
  const bin = join(root, 'server/bin/barometer.mjs')
  return {
    name,
    command: nodeFlags.length === 0 ? bin : process.execPath,
    args: nodeFlags.length === 0 ? ['serve'] : [...nodeFlags, bin, 'serve'],
    environment: { ...clean(), BAROMETER_HOME: home },
    readyPath: '/health/ready',
    versions: { node: process.version },
    judge(answer) {
      if (!isRecord(answer)) return 'no object'
      const { id, label, sentiment, confidence, model, version, drift, latency_ms } = answer
      if (typeof id !== 'string' || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return 'id'
      if (typeof label !== 'string' || label === '' || sentiment !== label) return 'label'
      if (typeof confidence !== 'number' || !(confidence > 0 && confidence <= 1)) return 'confidence'
      if (typeof model !== 'string' || typeof version !== 'number') return 'version'
      if (!isRecord(drift) || typeof drift['drift'] !== 'boolean') return 'drift'
      if (typeof latency_ms !== 'number') return 'latency'
      return { label, confidence }
    },
  }
}

/** Runs the `barometer` command to its end. @returns what it printed. */
export function command(root: string, home: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, 'server/bin/barometer.mjs'), args, {
      env: { ...process.env, ...clean(), BAROMETER_HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    let complained = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => (printed += part))
    child.stderr.setEncoding('utf8').on('data', (part: string) => (complained += part))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(printed)
      else reject(new Error(`barometer ${args.join(' ')} ended with ${code}:\n${complained.slice(-2000)}`))
    })
  })
}

/** How many predictions the log of a stopped server holds, read from its database. */
export async function loggedRows(home: string): Promise<number> {
  const store = await openStore({ url: null, home, now: Date.now })
  try {
    return await store.log.count()
  } finally {
    await store.close()
  }
}

/** Nothing of the caller's environment changes what is measured, and the Node that runs the bench is the one that is found. */
function clean(): Readonly<Record<string, string | undefined>> {
  return {
    DATABASE_URL: undefined,
    BAROMETER_CONFIG: undefined,
    NODE_OPTIONS: undefined,
    LOG_LEVEL: 'warn',
    HOST: '127.0.0.1',
    PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
