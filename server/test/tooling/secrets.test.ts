/** No secret of any setting is ever printed: every command, every fault and a whole server, with marked secrets. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli } from '../../src/cli.ts'
import { settings } from '../../src/config.ts'
import { fakeMlflow } from '../../src/notify/mlflow/fakeMlflow.ts'
import { memoryTerminal } from './memoryTerminal.ts'

/** In every secret, so that any part of any of them is found. */
const MARK = 'hushhush'
/** Nothing listens at port 9 (discard) of this machine. */
const NOWHERE = '127.0.0.1:9'

const secrets = {
  BAROMETER_SECRET: `${MARK}-secret-0123456789abcdef0123456789abcdef`,
  BAROMETER_KEY: `bk_${MARK}_key`,
  HF_TOKEN: `hf_${MARK}token`,
  HF_ENDPOINT: `http://${NOWHERE}`,
  HF_HUB_CACHE: 'cache',
  MLFLOW_TRACKING_URI: `http://user:${MARK}%2Fmlflow@${NOWHERE}`,
  MLFLOW_TRACKING_TOKEN: `${MARK}-mlflow-token`,
  BAROMETER_URL: `http://${NOWHERE}`,
}
const postgres = `postgres://barometer:${MARK}-database@${NOWHERE}/barometer?password=${MARK}-again`

const commands = [
  '',
  '--help',
  '--version',
  'nonsense',
  'predict fine',
  'predict --url',
  'predict fine --remote',
  'predict --file no.csv --text-column text',
  'predict --model hf:owner/name fine',
  'train --data pets.csv --text-column text --label-column label --name pets --task pets --quick',
  'train --data pets.csv --text-column text --label-column label --name pets --task pets --base hf:owner/name',
  'runs list',
  'runs show 019aa000-0000-7000-8000-000000000000',
  'pull hf:owner/name',
  'pull ./nowhere',
  'quantize sentiment@1 --data pets.csv',
  'evaluate sentiment@1 --data pets.csv --text-column text --label-column label',
  'models list',
  'models show sentiment@7',
  'models promote sentiment@7',
  'models verify',
  'keys list',
  'keys create --name x --scopes nonsense',
  'db status',
  'db check',
  'db migrate',
  'status',
  'load --seconds 1',
  'serve --port 80000',
  'serve --host 0.0.0.0 --port 0',
]

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'barometer-secrets-'))
  const kinds = ['cat', 'dog']
  const rows = Array.from({ length: 60 }, (_, i) => `the ${['purring', 'barking'][i % 2]} one ${i},${kinds[i % 2]}`)
  writeFileSync(join(folder, 'pets.csv'), `text,label\n${rows.join('\n')}\n`)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** All that a command prints. */
async function printed(words: string, env: Record<string, string>, where = folder): Promise<string> {
  const terminal = memoryTerminal(where, { env: { BAROMETER_HOME: join(where, 'state'), ...env } })
  await cli(words === '' ? [] : words.split(' '), terminal)
  return `${terminal.out()}${terminal.err()}`
}

test('no command prints one, whatever becomes of it', async () => {
  for (const words of commands) expect(await printed(words, secrets), words).not.toContain(MARK)
})

test('no command prints one where the database is away', async () => {
  const env = { ...secrets, DATABASE_URL: postgres }
  for (const words of commands) expect(await printed(words, env), words).not.toContain(MARK)
  expect(await printed('models list', env)).toContain('store_unavailable')
  expect(await printed('db status', {})).toContain(join(folder, 'state', 'barometer.db'))
})

describe('a secret that is wrong is named, not shown', () => {
  test.each([
    ['DATABASE_URL', `mysql://user:${MARK}@db/barometer`],
    ['DATABASE_URL', MARK],
    ['BAROMETER_SECRET', MARK],
    ['HF_TOKEN', `hf_${MARK}\n`],
    ['HF_TOKEN', `hf_${MARK} and more`],
    ['HF_ENDPOINT', `https://user:${MARK}@hub.example`],
    ['HF_ENDPOINT', `https://:${MARK}@hub.example`],
    ['HF_ENDPOINT', `user:${MARK}@hub.example`],
    ['MLFLOW_TRACKING_URI', `ftp://user:${MARK}@mlflow.example`],
    ['MLFLOW_TRACKING_URI', `user:${MARK}@mlflow.example`],
    ['MLFLOW_TRACKING_TOKEN', `${MARK}\u00e9`],
  ])('%s=%j', async (name, value) => {
    const said = await printed('serve --port 0', { [name]: value })
    expect(said).toContain(name)
    expect(said).not.toContain(MARK)
  })

  test.each([
    { BAROMETER_URL: `http://user:${MARK}@localhost:1` },
    { BAROMETER_URL: `user:${MARK}@localhost` },
    { BAROMETER_URL: `http://${NOWHERE}`, BAROMETER_KEY: `bk_${MARK}\n` },
  ])('%j', async (env) => {
    const said = await printed('status', env)
    expect(said).toMatch(/address of a server|API key/)
    expect(said).not.toContain(MARK)
  })

  test('in a settings file that is not JSON', async () => {
    const where = mkdtempSync(join(folder, 'broken-'))
    writeFileSync(join(where, 'barometer.json'), `{"BAROMETER_SECRET": "${MARK}" "PORT": 1}`)
    const said = await printed('models list', {}, where)
    expect(said).toContain('is not valid JSON')
    expect(said).not.toContain(MARK)
  })

  test('every setting that holds one is hidden: what is called a secret, a token or an address with a password', () => {
    for (const setting of Object.values(settings)) {
      if (!/SECRET|TOKEN|DATABASE_URL|_URI$/.test(setting.name)) continue
      const value: unknown = setting.parse(
        `${setting.name === 'DATABASE_URL' ? 'postgres' : 'http'}://u:${MARK}@host/x`,
      )
      expect(JSON.stringify({ value }), setting.name).not.toContain(MARK)
    }
  })
})

/** A server as a process, with all that it writes. */
async function serveWith(env: Record<string, string>, home: string) {
  const command = fileURLToPath(new URL('../../bin/barometer.mjs', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [command, 'serve', '--port', '0'], {
    env: { PATH: process.env['PATH'], LOG_LEVEL: 'debug', BAROMETER_HOME: home, ...env },
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const address = new Promise<string | null>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        const ready = /ready at (http:\S+)/.exec(said)
        if (ready !== null) resolve(ready[1])
      })
    child.on('close', () => resolve(null))
  })
  return {
    address: await address,
    said: () => said,
    async stop(): Promise<void> {
      child.kill('SIGTERM')
      await ended
    },
  }
}

function bytesIn(where: string): string {
  return readdirSync(where, { recursive: true, encoding: 'utf8' })
    .map((name) => join(where, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n')
}

test('a server keeps them out of its log, its answers, its figures, its runs and its folder', async () => {
  const home = mkdtempSync(join(folder, 'served-'))
  mkdirSync(join(home, 'data'))
  copyFileSync(join(folder, 'pets.csv'), join(home, 'data', 'pets.csv'))
  const mlflow = await fakeMlflow()
  const shown = new Set<string | undefined>()
  mlflow.mischief = (response) => {
    shown.add(response.req.headers.authorization)
    return false
  }
  const { BAROMETER_KEY: _, ...env } = secrets
  const uri = `http://user:${MARK}@${new URL(mlflow.uri).host}`
  const server = await serveWith({ ...env, MLFLOW_TRACKING_URI: uri, MLFLOW_TRACKING_TOKEN: '' }, home)
  try {
    expect(server.address, server.said()).not.toBeNull()
    const call = async (method: string, path: string, body?: unknown): Promise<string> => {
      const response = await fetch(`${server.address}${path}`, {
        method,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      return `${JSON.stringify([...response.headers])} ${await response.text()}`
    }
    const started = await call('POST', '/training-runs', {
      model: 'pets',
      data: { kind: 'file', path: 'pets.csv', text_column: 'text', label_column: 'label' },
    })
    const answers = [
      started,
      await call('POST', '/predict', { text: 'fine' }),
      await call('POST', '/predict', '{'),
      await call('GET', '/nowhere'),
      await call('GET', '/metrics'),
      await call('GET', '/health'),
      await call('GET', '/models'),
      await call('GET', '/openapi.json'),
    ]
    await expect.poll(() => mlflow.runs.size, { timeout: 30_000 }).toBeGreaterThan(0)
    expect([...shown]).toEqual([`Basic ${btoa(`user:${MARK}`)}`])
    answers.push(await call('GET', '/training-runs'))
    expect(answers.join('\n')).not.toContain(MARK)
  } finally {
    await server.stop()
    await mlflow.close()
  }
  expect(server.said()).toContain('Barometer is ready')
  expect(server.said()).not.toContain(MARK)
  expect(bytesIn(home)).not.toContain(MARK)
})

test('a server that cannot start says why without them', async () => {
  const server = await serveWith({ ...secrets, DATABASE_URL: postgres }, join(folder, 'unstarted'))
  expect(server.address).toBeNull()
  expect(server.said()).not.toBe('')
  expect(server.said()).not.toContain(MARK)
})
