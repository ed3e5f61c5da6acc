import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { settings } from '../../src/config.ts'
import { faults } from '../../src/domain/faults.ts'

const page = readFileSync(new URL('../../../docs/guide/operations.md', import.meta.url), 'utf8')
const access = readFileSync(new URL('../../../docs/guide/access.md', import.meta.url), 'utf8')

test('the page of operations shows every setting, its default and what it is for, in order', () => {
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.+) \|$/gm)].map(([, ...cells]) => cells)
  expect(rows).toEqual(
    Object.values(settings).map(({ name, fallback, about }) => {
      const isNone = fallback === null || typeof fallback === 'object'
      return [name, isNone ? '–' : `\`${String(fallback)}\``, about]
    }),
  )
})

test('the pages of operations and access name no setting, fault or metric that does not exist', () => {
  const names = new Set<string>([...Object.values(settings).map(({ name }) => name), 'BAROMETER_CONFIG'])
  for (const text of [page, access])
    for (const [, name] of text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g)) expect(names).toContain(name)
  for (const [, code] of page.matchAll(/code="(\w+)"/g)) expect(Object.keys(faults)).toContain(code)
  const metrics = readFileSync(new URL('../../src/platform/metrics.ts', import.meta.url), 'utf8')
  for (const [name] of page.matchAll(/ml_[a-z_]+/g)) expect(metrics).toContain(name.replace(/_(bucket|sum|count)$/, ''))
})
