import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { judge } from '../../../scripts/test.mjs'

type Status = 'passed' | 'failed' | 'pending' | 'skipped' | 'todo'

const file = (status: 'passed' | 'failed', ...tests: Status[]) => ({
  status,
  assertionResults: tests.map((one) => ({ status: one })),
})

describe('the closing line of the tests', () => {
  test('counts what passed and failed, and names what was skipped only where something was', () => {
    expect(judge({ testResults: [file('passed', 'passed', 'passed')] }, 0)).toEqual({
      ok: true,
      line: '2 passed, 0 failed',
    })
    expect(judge({ testResults: [file('failed', 'passed', 'failed', 'skipped', 'todo')] }, 1)).toEqual({
      ok: false,
      line: '1 passed, 1 failed, 2 skipped',
    })
  })

  test('a file that breaks before its tests are known is a failure', () => {
    expect(judge({ testResults: [file('passed', 'passed'), file('failed')] }, 1)).toEqual({
      ok: false,
      line: '1 passed, 1 failed',
    })
  })

  test('no tests, no report, only skipped tests, or an error outside of the tests: never a success', () => {
    expect(judge(null, 1).ok).toBe(false)
    expect(judge(null, 0).ok).toBe(false)
    expect(judge({ testResults: [] }, 0).ok).toBe(false)
    expect(judge({ testResults: [file('passed', 'skipped')] }, 0).ok).toBe(false)
    expect(judge({ testResults: [file('passed', 'passed')] }, 1)).toEqual({ ok: false, line: '1 passed, 1 failed' })
  })
})

describe('the lock of the preparation', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'barometer-lock-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  /** A process that appends `in` and `out` to a file around 300 ms of work under the lock. */
  function worker(): Promise<number | null> {
    const script = `
      import { appendFileSync } from 'node:fs'
      import { setTimeout as sleep } from 'node:timers/promises'
      import { underLock } from ${JSON.stringify(new URL('../../../scripts/lock.mjs', import.meta.url).href)}
      await underLock(${JSON.stringify(join(folder, 'lock'))}, async () => {
        appendFileSync(${JSON.stringify(join(folder, 'trace'))}, 'in ')
        await sleep(300)
        appendFileSync(${JSON.stringify(join(folder, 'trace'))}, 'out ')
      })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return new Promise((resolve) => child.on('exit', resolve))
  }

  test('two processes never work at the same time, and both come to their turn', async () => {
    expect(await Promise.all([worker(), worker(), worker()])).toEqual([0, 0, 0])
    expect(readFileSync(join(folder, 'trace'), 'utf8')).toBe('in out in out in out ')
    expect(existsSync(join(folder, 'lock'))).toBe(false)
  })

  test('the lock of a process that died is taken over', async () => {
    writeFileSync(join(folder, 'lock'), '')
    const longAgo = new Date(Date.now() - 60_000)
    utimesSync(join(folder, 'lock'), longAgo, longAgo)
    expect(await worker()).toBe(0)
    expect(readFileSync(join(folder, 'trace'), 'utf8')).toBe('in out ')
  })
})
