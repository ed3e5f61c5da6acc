import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { secretOf } from '../../domain/secret.ts'
import { serverSecret } from './secret.ts'
import { StartRefused } from './startRefused.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'barometer-secret-'))
})
afterEach(() => rmSync(home, { recursive: true }))

test('is made once, 256 bits, readable by its owner only', () => {
  const secret = serverSecret(home, null)
  expect(Buffer.from(secret, 'base64url').length).toBe(32)
  expect(serverSecret(home, null)).toBe(secret)
  expect(statSync(join(home, 'keys/secret')).mode & 0o777).toBe(0o600)
  expect(statSync(join(home, 'keys')).mode & 0o777).toBe(0o700)
  expect(readdirSync(join(home, 'keys'))).toEqual(['secret'])
})

test('processes that start at once get the same one', async () => {
  const program = `import { serverSecret } from ${JSON.stringify(import.meta.resolve('./secret.ts'))}; process.stdout.write(serverSecret(${JSON.stringify(home)}, null))`
  const run = promisify(execFile)
  const runs = await Promise.all(
    Array.from({ length: 6 }, () => run(process.execPath, ['--input-type=module-typescript', '-e', program])),
  )
  expect(new Set(runs.map(({ stdout }) => stdout)).size).toBe(1)
  expect(readdirSync(join(home, 'keys'))).toEqual(['secret'])
})

test('a given secret comes first, and a short one is refused', () => {
  expect(serverSecret(home, secretOf('x'.repeat(32)))).toBe('x'.repeat(32))
  expect(() => serverSecret(home, secretOf('x'.repeat(31)))).toThrow(StartRefused)
})

test('a file that others may read, or that was cut short, is refused', () => {
  serverSecret(home, null)
  const path = join(home, 'keys/secret')
  chmodSync(path, 0o644)
  expect(() => serverSecret(home, null)).toThrow(/chmod 600/)
  chmodSync(path, 0o600)
  writeFileSync(path, 'abc')
  expect(() => serverSecret(home, null)).toThrow(/damaged/)
})
