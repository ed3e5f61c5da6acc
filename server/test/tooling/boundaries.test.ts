import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { draw, drawInto, findBreaches, importsOf, type Room, undocumented } from '../../../scripts/boundaries.ts'

const table = {
  words: { path: 'src/words', may: [], pure: true },
  sums: { path: 'src/sums', may: ['words'], pure: true },
  shelf: { path: 'src/shelf', may: ['words'] },
  desk: { path: 'src/desk', may: ['words', 'sums'], types: ['shelf'] },
  main: { path: 'src/main.ts', may: 'everything' },
} as const satisfies Record<string, Room>

/** One file a room, so that none of them is missing. */
const FILES = {
  'src/words/word.ts': 'export const word = 1',
  'src/sums/add.ts': 'export const add = 1',
  'src/shelf/shelf.ts': 'export const shelf = 1',
  'src/desk/blotter.ts': 'export const blotter = 1',
  'src/main.ts': '',
}

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A small house on disk; what the script finds in it, as `file: why`. */
function breachesOf(files: Record<string, string>): string[] {
  return breachesIn(houseOf({ ...FILES, ...files }))
}

function houseOf(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'barometer-house-'))
  folders.push(root)
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), source)
  }
  return root
}

function breachesIn(root: string): string[] {
  return findBreaches(root, table, ['src']).map(({ file, line, why }) =>
    line > 0 ? `${file}:${line}: ${why}` : `${file}: ${why}`,
  )
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
      'src/words/other.ts:2: imports ../shelf/shelf.ts: words may not import shelf',
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
      'src/desk/desk.ts:1: imports ../shelf/shelf.ts: desk may import only types of shelf (use `import type`)',
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
      'src/desk/desk.ts:1: imports node:sqlite: only store may know the package node:sqlite',
    ])
  })

  test('a module name that is computed cannot be checked, so it is refused', () => {
    expect(breachesOf({ 'src/desk/desk.ts': 'export const late = (name: string) => import(name)' })).toHaveLength(1)
  })

  test('a file outside of every room cannot be imported', () => {
    const files = { 'src/stray.ts': 'export const x = 1', 'src/desk/desk.ts': "import { x } from '../stray.ts'" }
    expect(breachesOf(files)).toEqual([
      'src/desk/desk.ts:1: imports ../stray.ts: src/stray.ts is in no room of the house',
      'src/stray.ts: in no room of the house: the table does not list its folder',
    ])
  })

  test.each(['src/attic/box.ts', 'src/attic/box.sql', 'src/lone.ts', 'src/attic/box.test.ts'])(
    'a file in a folder that the table does not list is a breach: %s',
    (file) => {
      expect(breachesOf({ [file]: '' })).toEqual([
        `${file}: in no room of the house: the table does not list its folder`,
      ])
    },
  )

  test('a test beside a room that is one file belongs to it', () => {
    expect(breachesOf({ 'src/main.test.ts': '' })).toEqual([])
  })

  test('a room of the table that is not on the disk is a breach', () => {
    const root = houseOf({ ...FILES })
    rmSync(join(root, 'src/shelf'), { recursive: true })
    expect(breachesIn(root)).toEqual(['src/shelf: the room shelf is in the table, but not on the disk'])
  })

  test.each([
    ['an import', "import { b } from './b.ts'"],
    ['a re-export', "export * from './b.ts'"],
    ['a dynamic import', "export const late = () => import('./b.ts')"],
    ['a worker', "new Worker(new URL('./b.ts', import.meta.url))"],
  ])('two files of one room that need each other’s values are a breach on both sides: %s', (_, source) => {
    expect(breachesOf({ 'src/desk/a.ts': source, 'src/desk/b.ts': "import { a } from './a.ts'" })).toEqual([
      'src/desk/a.ts:1: src/desk/a.ts and src/desk/b.ts import each other (a ring of values: move what both need into a third file)',
      'src/desk/b.ts:1: src/desk/b.ts and src/desk/a.ts import each other (a ring of values: move what both need into a third file)',
    ])
  })

  test('files that need each other’s types only, or whose ring is broken by a type, are no breach', () => {
    const files = {
      'src/desk/a.ts': "import type { B } from './b.ts'",
      'src/desk/b.ts': "import { c } from './c.ts'",
      'src/desk/c.ts': "import { a } from './a.ts'",
    }
    expect(breachesOf(files)).toEqual([])
  })

  test('a longer ring is a breach on each of its sides, and who only leads into it has none', () => {
    const ring = {
      'src/desk/a.ts': "import './b.ts'",
      'src/desk/b.ts': "import './c.ts'",
      'src/desk/c.ts': "import './a.ts'",
      'src/desk/door.ts': "import './a.ts'",
    }
    expect(breachesOf(ring).map((one) => one.slice(0, 'src/desk/a'.length))).toEqual([
      'src/desk/a',
      'src/desk/b',
      'src/desk/c',
    ])
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

describe('the list of folders', () => {
  const page = [
    '| folder | what it is |',
    '|---|---|',
    ...['words', 'sums', 'shelf', 'desk'].map((one) => `| \`src/${one}\` | … |`),
  ]
  const listing = (lines: readonly string[], isThere: (path: string) => boolean = () => true) =>
    undocumented(lines.join('\n'), table, isThere).map(({ line, why }) => `${line}: ${why}`)

  test('a room that the document does not list is a breach', () => {
    expect(listing(page)).toEqual(['1: the room main (`src/main.ts`) is not listed'])
    expect(listing([...page, '| `src/main.ts`, `src/words` | … |'])).toEqual([])
  })

  test('a path in words behind the folder, or in another table, does not list a room', () => {
    expect(listing([...page, '| `src/words` | like `src/main.ts` |', '', '| `src/main.ts` | … |'])).toHaveLength(1)
  })

  test('a folder that is listed but does not exist is a breach', () => {
    const lines = [...page, '| `src/main.ts` | … |', '| `src/cellar` | … |']
    expect(listing(lines, (path) => path !== 'src/cellar')).toEqual(['8: `src/cellar` is listed, but does not exist'])
  })

  test('a page without the table is refused', () => {
    expect(() => listing(['words'])).toThrow('lacks its table of folders')
  })
})

describe('the drawing', () => {
  test('a room stands above what it imports', () => {
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
