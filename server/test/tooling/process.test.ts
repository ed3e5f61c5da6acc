/** The command as a process: how it starts, how it stops, and what it leaves behind. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { version } from '../../src/cli/version.ts'

const command = fileURLToPath(new URL('../../bin/barometer.mjs', import.meta.url))

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'barometer-process-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const env = () => ({ ...process.env, BAROMETER_HOME: join(folder, 'state'), LOG_LEVEL: 'error', NO_COLOR: '1' })

function run(node: string, args: readonly string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(node, [command, ...args], { env: env(), encoding: 'utf8', cwd: folder })
  return { code: status, out: stdout, err: stderr }
}

/** Resolves with what a process has said once it matches. */
function said(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (pattern.test(text)) resolve(text)
    })
    child.on('exit', (code) => reject(new Error(`it ended with ${code} before it said ${pattern}: ${text}`)))
  })
}

function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })))
}

test('the version goes to stdout, and nothing else', () => {
  expect(run(process.execPath, ['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
})

test('a failure is words on stderr and an exit code, without a stack', () => {
  const { code, out, err } = run(process.execPath, ['predict', '--model', './nowhere', 'hi'])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toBe('barometer: There is no folder ./nowhere. (artifact_broken)\n')
})

test('a reader that has seen enough ends the command without a word', () => {
  const path = join(folder, 'many.txt')
  writeFileSync(path, 'one and the same line\n'.repeat(200_000))
  const shell = `"${process.execPath}" "${command}" predict --model "${starter()}" --file "${path}" | head -n 2`
  const { stdout, stderr, status } = spawnSync('bash', ['-c', `set -o pipefail; ${shell}`], {
    env: env(),
    encoding: 'utf8',
  })
  expect(stdout.split('\n')[0]).toBe('line,label,confidence,error')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

describe.each([
  ['SIGTERM', 'its own Node'],
  ['SIGINT', 'its own Node'],
  ['SIGTERM', 'an old Node that has to hand over'],
] as const)('%s to a server on %s', (signal, on) => {
  const node = on === 'its own Node' ? process.execPath : oldNode()

  test.skipIf(node === null)('lets it finish and end with 0', async () => {
    const child = spawn(node ?? '', [command, 'serve', '--port', '0'], {
      env: env(),
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const end = ended(child)
    const [, address] = /ready at (http:\S+)/.exec(await said(child, /ready at http:\S+\n/)) ?? []
    const answer = await fetch(`${address}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'not bad at all' }),
    })
    expect(answer.status).toBe(200)
    child.kill(signal)
    expect(await end).toEqual({ code: 0, signal: null })
    await expect(fetch(`${address}/health`)).rejects.toThrow()
  })
})

function starter(): string {
  return fileURLToPath(new URL('../../../starter/sentiment', import.meta.url))
}

/** The system's own Node where it is older than ours, as on a machine with a fresh clone. */
function oldNode(): string | null {
  for (const place of ['/usr/bin/node', '/usr/local/bin/node']) {
    const { stdout } = spawnSync(place, ['-p', 'process.versions.node'], { encoding: 'utf8' })
    if (stdout && Number(stdout.split('.')[0]) < 26) return place
  }
  return null
}
