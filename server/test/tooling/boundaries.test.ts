import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { draw, drawInto, findBreaches, importsOf, type Room } from '../../../scripts/boundaries.ts'

const table = {
  words: { path: 'src/words', may: [], pure: true },
  sums: { path: 'src/sums', may: ['words'], pure: true },
  shelf: { path: 'src/shelf', may: ['words'] },
  desk: { path: 'src/desk', may: ['words', 'sums'], types: ['shelf'] },
  main: { path: 'src/main.ts', may: 'everything' },
} as const satisfies Record<string, Room>

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A small house on disk; what the script finds in it, as `file: why`. */
function breachesOf(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'barometer-house-'))
  folders.push(root)
  const all = { 'src/words/word.ts': 'export const word = 1', 'src/shelf/shelf.ts': 'export const shelf = 1', ...files }
  for (const [path, source] of Object.entries(all)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), source)
  }
  return findBreaches(root, table).map(({ file, line, why }) => `${file}:${line}: ${why}`)
}

describe('the walls', () => {
  test('a house that keeps to the table has no breach', () => {
    const files = {
      'src/desk/desk.ts': "import { word } from '../words/word.ts'\nimport type { S } from '../shelf/shelf.ts'",
      'src/main.ts': "import './desk/desk.ts'\nimport { readFileSync } from 'node:fs'",
    }
    expect(breachesOf(files)).toEqual([])
  })

  test('an illegal import is caught, with its file and line', () => {
    expect(breachesOf({ 'src/words/other.ts': "\nimport { shelf } from '../shelf/shelf.ts'" })).toEqual([
      'src/words/other.ts:2: words may not import shelf',
    ])
  })

  test.each([
    ['a re-export', "export { shelf } from '../shelf/shelf.ts'"],
    ['a star re-export', "export * from '../shelf/shelf.ts'"],
    ['a bare import', "import '../shelf/shelf.ts'"],
    ['a dynamic import', "export const late = () => import('../shelf/shelf.ts')"],
    ['require', "require('../shelf/shelf.ts')"],
    ['a worker', "new Worker(new URL('../shelf/shelf.ts', import.meta.url))"],
    ['an import that keeps its side effect', "import { type S } from '../shelf/shelf.ts'"],
  ])('where only types may pass, %s is a breach', (_, source) => {
    expect(breachesOf({ 'src/desk/desk.ts': source })).toEqual([
      'src/desk/desk.ts:1: desk may import only types of shelf (use `import type`)',
    ])
  })

  test.each([
    "import type { S } from '../shelf/shelf.ts'",
    "export type { S } from '../shelf/shelf.ts'",
    "export const s: import('../shelf/shelf.ts').S = 1",
  ])('where types may pass, %s passes', (source) => {
    expect(breachesOf({ 'src/desk/desk.ts': source })).toEqual([])
  })

  test('a pure folder imports no packages and nothing of Node', () => {
    expect(breachesOf({ 'src/sums/sum.ts': "import 'node:fs'\nimport type { X } from 'left-pad'" })).toHaveLength(2)
  })

  test('a package with an owner stays with it', () => {
    expect(breachesOf({ 'src/desk/desk.ts': "import { DatabaseSync } from 'node:sqlite'" })).toEqual([
      'src/desk/desk.ts:1: only store may know the package node:sqlite',
    ])
  })

  test('a module name that is computed cannot be checked, so it is refused', () => {
    expect(breachesOf({ 'src/desk/desk.ts': 'export const late = (name: string) => import(name)' })).toHaveLength(1)
  })

  test('a file outside of every room cannot be imported', () => {
    const files = { 'src/stray.ts': 'export const x = 1', 'src/desk/desk.ts': "import { x } from '../stray.ts'" }
    expect(breachesOf(files)).toEqual(['src/desk/desk.ts:1: src/stray.ts is in no room of the house'])
  })

  test('a ring of folders is a breach on each of its sides, even of types and even where the table allows them', () => {
    const files = {
      'src/main.ts': "import type { D } from './desk/desk.ts'",
      'src/desk/desk.ts': "import type { M } from '../main.ts'",
    }
    expect(breachesOf(files).filter((one) => one.includes('ring'))).toHaveLength(2)
  })

  test('tests may import what they like', () => {
    expect(breachesOf({ 'src/words/word.test.ts': "import '../shelf/shelf.ts'" })).toEqual([])
  })
})

test('an import named in a comment or a string is no import', () => {
  expect(importsOf('x.ts', "// import './a.ts'\nconst words = `import './b.ts'`")).toEqual([])
})

describe('the drawing', () => {
  test('whoever may import stands above what it imports', () => {
    const lines = draw(table).split('\n')
    const at = (name: string) => lines.findIndex((line) => line.startsWith(`│  ${name} `))
    for (const [name, { may }] of Object.entries(table))
      if (may !== 'everything') for (const below of may) expect(at(name)).toBeLessThan(at(below))
    expect(lines.find((line) => line.includes('desk'))).toContain('──▶  words  sums  (shelf)')
  })

  test('a table with a ring cannot be drawn', () => {
    const ring = { a: { path: 'a', may: ['b'] }, b: { path: 'b', may: ['a'] } } satisfies Record<string, Room>
    expect(() => draw(ring)).toThrow('a → b → a')
  })

  test('it goes between its markers, and a second time changes nothing', () => {
    const page = 'before\n<!-- drawn by scripts/boundaries.ts -->\nold\n<!-- end of the drawing -->\nafter\n'
    const fresh = drawInto(page, draw(table))
    expect(fresh).toMatch(/^before\n[^]*\nafter\n$/)
    expect(fresh).not.toContain('old')
    expect(drawInto(fresh, draw(table))).toBe(fresh)
  })

  test('a page without markers is refused', () => {
    expect(() => drawInto('words', draw(table))).toThrow('lacks the lines')
  })
})
