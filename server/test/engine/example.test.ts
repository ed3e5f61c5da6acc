import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('the worked example of docs/engine.md is what runs, and prints what the page shows', () => {
  const script = fileURLToPath(new URL('example.ts', import.meta.url))
  const page = readFileSync(new URL('../../../docs/engine.md', import.meta.url), 'utf8')
  const source = readFileSync(script, 'utf8')
  const printed = execFileSync(process.execPath, [script], { encoding: 'utf8' })
  expect(page).toContain(source.slice(source.indexOf('const g =')).trim())
  expect(page).toContain(printed.trim())
})
