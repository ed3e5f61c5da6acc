/**
 * The walls of the house: which folder may import which, held to by reading every import, and drawn into the docs.
 *
 * A breach is also: a room whose path does not exist, a room that the docs do not list, a file in no room, and files
 * that need each other's values.
 *
 *   node scripts/boundaries.ts            check, and draw the table into docs/architecture.md
 *   node scripts/boundaries.ts --check    check, and fail where the drawing is stale
 *
 * The table below is the only place where a wall is moved; docs/decisions/0001-house.md says why it stands there.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseSync } from 'oxc-parser'

/** What a folder may import of ours: values (and types), types only, and which packages it owns or shares. */
export interface Room {
  /** Path from the root; the longest that fits decides where a file lives. */
  readonly path: string
  /** Names of rooms; `everything` for those who wire the rest together. */
  readonly may: readonly string[] | 'everything'
  readonly types?: readonly string[]
  /** True where not even Node's own modules or a package may be imported. */
  readonly pure?: boolean
}

export const rooms = {
  wire: { path: 'wire/src', may: [] },
  domain: { path: 'server/src/domain', may: [], types: ['math'], pure: true },
  math: { path: 'server/src/math', may: [], pure: true },
  stats: { path: 'server/src/stats', may: ['math', 'domain'], pure: true },
  models: { path: 'server/src/models', may: ['math', 'domain', 'stats'], pure: true },
  evaluation: { path: 'server/src/evaluation', may: ['math', 'domain', 'stats', 'models'] },
  engine: { path: 'server/src/engine', may: ['domain', 'math', 'models', 'platform'] },
  files: { path: 'server/src/ingest/files', may: ['domain', 'math'] },
  artifacts: { path: 'server/src/versions/artifacts', may: ['domain', 'models', 'platform'] },
  hub: { path: 'server/src/versions/hub', may: ['domain', 'platform'] },
  import: {
    path: 'server/src/versions/import',
    may: ['math', 'domain', 'stats', 'models', 'engine', 'evaluation', 'files', 'artifacts', 'hub', 'loop'],
    types: ['store', 'config.ts'],
  },
  training: {
    path: 'server/src/training',
    may: ['math', 'domain', 'stats', 'models', 'evaluation', 'engine', 'files', 'artifacts', 'platform'],
    types: ['store', 'notify'],
  },
  // What serves is handed to the loop, which knows it by its types: a step is tried without loading a model.
  serving: { path: 'server/src/serving', may: ['domain', 'models', 'artifacts', 'engine'], types: ['store'] },
  batch: { path: 'server/src/serving/batch', may: ['domain', 'models', 'artifacts', 'files', 'platform'] },
  store: { path: 'server/src/store', may: ['domain', 'platform'] },
  platform: { path: 'server/src/platform', may: ['domain'] },
  notify: { path: 'server/src/notify', may: ['domain'] },
  loop: {
    path: 'server/src/loop',
    may: ['domain', 'stats', 'models', 'artifacts'],
    types: ['engine', 'serving', 'store', 'notify', 'platform'],
  },
  api: {
    path: 'server/src/api',
    may: ['wire', 'domain', 'models', 'loop'],
    types: ['serving', 'store', 'platform', 'config.ts'],
  },
  load: { path: 'server/src/cli/load', may: [] },
  'config.ts': { path: 'server/src/config.ts', may: ['domain'] },
  'main.ts': { path: 'server/src/main.ts', may: 'everything' },
  'trainingNeeds.ts': { path: 'server/src/trainingNeeds.ts', may: 'everything' },
  cli: { path: 'server/src/cli', may: 'everything' },
  'cli.ts': { path: 'server/src/cli.ts', may: 'everything' },
  'web/api': { path: 'web/src/api', may: ['wire'] },
  'web/state': { path: 'web/src/state', may: ['wire', 'web/api'] },
  'web/parts': { path: 'web/src/parts', may: ['wire', 'web/api', 'web/state'] },
  'web/charts': { path: 'web/src/charts', may: ['wire', 'web/parts'] },
  'web/pages/live': { path: 'web/src/pages/live', may: ['wire', 'web/api', 'web/state', 'web/parts', 'web/charts'] },
  'web/pages/models': {
    path: 'web/src/pages/models',
    may: ['wire', 'web/api', 'web/state', 'web/parts', 'web/charts'],
  },
  'web/pages/try': { path: 'web/src/pages/try', may: ['wire', 'web/api', 'web/state', 'web/parts', 'web/charts'] },
  'web/shell': {
    path: 'web/src/shell',
    may: ['wire', 'web/api', 'web/state', 'web/parts', 'web/pages/live', 'web/pages/models', 'web/pages/try'],
  },
} as const satisfies Record<string, Room>

/** Packages that only some rooms may know: what they do must not leak into the rest. */
export const owned: Readonly<Record<string, readonly string[]>> = {
  'node:sqlite': ['store'],
  kysely: ['store'],
  pg: ['store'],
  'onnxruntime-node': ['engine'],
  '@huggingface/tokenizers': ['engine'],
  '@huggingface/hub': ['hub'],
  fastify: ['api', 'main.ts'],
  '@fastify/*': ['api'],
  'prom-client': ['platform'],
  commander: ['cli', 'cli.ts'],
  hyparquet: ['files'],
  react: ['web/*'],
}

/** Folders in which every file belongs to a room. */
const HOUSES = ['server/src', 'web/src', 'wire/src']

/** What breaks the table: at one line of a file, or (line 0) the file or the folder itself. */
export interface Breach {
  readonly file: string
  readonly line: number
  readonly why: string
}

/** One import of a file, of any form. */
interface Import {
  readonly specifier: string
  readonly typeOnly: boolean
  readonly line: number
}

/** `from` imports `to`, both files or both rooms. */
type Edge = { readonly from: string; readonly to: string; readonly file: string; readonly line: number }
type Table = Readonly<Record<string, Room>>

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const DRAWING = 'docs/architecture.md'
const OPENING = '<!-- drawn by scripts/boundaries.ts -->'
const CLOSING = '<!-- end of the drawing -->'
const COMPUTED = '(computed)'

const LEGEND =
  'An arrow reads “may import”. A name in (brackets) may be imported for its types only. `[pure]` rooms import neither ' +
  "Node's modules nor packages, and compile without Node or DOM types. There are no rings."

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.exitCode = main(process.argv.includes('--check'))

function main(checkOnly: boolean): number {
  const page = readFileSync(join(ROOT, DRAWING), 'utf8')
  const breaches = [...findBreaches(ROOT, rooms, HOUSES), ...undocumented(page, rooms, (path) => exists(ROOT, path))]
  for (const { file, line, why } of breaches)
    process.stderr.write(line > 0 ? `${file}:${line}: ${why}\n` : `${file}: ${why}\n`)
  const fresh = drawInto(page, draw(rooms))
  const stale = fresh !== page
  if (stale && checkOnly) process.stderr.write(`${DRAWING}: the drawing is stale; run: npm run boundaries\n`)
  if (stale && !checkOnly) writeFileSync(join(ROOT, DRAWING), fresh)
  return breaches.length > 0 || (stale && checkOnly) ? 1 : 0
}

/**
 * Reads every source file under the rooms of a table. Tests may import what they like, so they are left aside.
 *
 * @param houses folders in which every file must belong to a room
 */
export function findBreaches(root: string, table: Table, houses: readonly string[]): Breach[] {
  const breaches: Breach[] = [...missingRooms(root, table), ...strayFiles(root, table, houses)]
  const betweenRooms: Edge[] = []
  const betweenFiles: Edge[] = []
  for (const file of sourceFiles(root, table)) {
    const from = roomOf(file, table)
    if (from === null) continue
    for (const { specifier, typeOnly, line } of importsOf(join(root, file), readFileSync(join(root, file), 'utf8'))) {
      const local = resolveLocal(root, file, specifier)
      const to = local === null ? null : roomOf(local, table)
      const why =
        local === null
          ? packageBreach(from, specifier, table)
          : to === null
            ? `${local} is in no room of the house`
            : wallBreach(from, to, typeOnly, table)
      if (why) breaches.push({ file, line, why: `imports ${specifier}: ${why}` })
      if (to !== null && to !== from) betweenRooms.push({ from, to, file, line })
      if (local !== null && !typeOnly) betweenFiles.push({ from: file, to: local, file, line })
    }
  }
  breaches.push(...rings(betweenRooms, 'a ring, of which types are part'))
  // Dynamic imports and workers count: whatever the order of loading, neither file can be read or changed alone.
  breaches.push(...rings(betweenFiles, 'a ring of values: move what both need into a third file'))
  return breaches.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1))
}

function missingRooms(root: string, table: Table): Breach[] {
  return Object.entries(table)
    .filter(([, { path }]) => !exists(root, path))
    .map(([name, { path }]) => ({ file: path, line: 0, why: `the room ${name} is in the table, but not on the disk` }))
}

/** Files of any kind that no room holds. A test belongs where the file stands that it tests. */
function strayFiles(root: string, table: Table, houses: readonly string[]): Breach[] {
  return houses
    .flatMap((house) => filesUnder(root, house))
    .filter((file) => roomOf(file.replace(/\.test\.(tsx?)$/, '.$1'), table) === null)
    .map((file) => ({ file, line: 0, why: 'in no room of the house: the table does not list its folder' }))
}

/** Holds the document's table of folders to the rooms: each is listed by its path, and every listed path exists. */
export function undocumented(page: string, table: Table, isThere: (path: string) => boolean): Breach[] {
  const lines = page.split('\n')
  const head = lines.findIndex((line) => /^\| *folder *\|/.test(line))
  if (head < 0) throw new Error('The page lacks its table of folders (a line that begins with | folder |).')
  const listed = new Map<string, number>()
  for (let i = head + 2; lines[i]?.startsWith('|'); i++)
    for (const [, path] of (lines[i].split('|')[1] ?? '').matchAll(/`([^`]+)`/g)) listed.set(path, i + 1)
  const absent = Object.entries(table)
    .filter(([, { path }]) => !listed.has(path))
    .map(([name, { path }]) => ({ file: DRAWING, line: head + 1, why: `the room ${name} (\`${path}\`) is not listed` }))
  const gone = [...listed]
    .filter(([path]) => !isThere(path))
    .map(([path, line]) => ({ file: DRAWING, line, why: `\`${path}\` is listed, but does not exist` }))
  return [...absent, ...gone]
}

function wallBreach(from: string, to: string, typeOnly: boolean, table: Table): string | null {
  const room = table[from]
  if (to === from) return null
  if (room.may === 'everything' || room.may.includes(to)) return null
  if (room.types?.includes(to)) return typeOnly ? null : `${from} may import only types of ${to} (use \`import type\`)`
  return `${from} may not import ${to}`
}

function packageBreach(from: string, specifier: string, table: Table): string | null {
  if (specifier === COMPUTED) return 'the module of a dynamic import must be written out, so that it can be checked'
  const name = specifier.startsWith('node:')
    ? specifier
    : specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  if (table[from].pure) return `${from} is pure: it imports neither Node's modules nor packages`
  const owners = owned[name] ?? owned[`${name.split('/')[0]}/*`]
  const owns = (owner: string) => (owner.endsWith('/*') ? from.startsWith(owner.slice(0, -1)) : owner === from)
  if (owners && !owners.some(owns)) return `only ${owners.join(' and ')} may know the package ${name}`
  return null
}

/** One breach for each edge of a ring. */
function rings(edges: readonly Edge[], what: string): Breach[] {
  const groups = ringGroups(edges)
  const seen = new Set<string>()
  return edges.flatMap(({ from, to, file, line }) => {
    const group = groups.get(from)
    const key = `${from} ${to}`
    if (group === undefined || group !== groups.get(to) || seen.has(key)) return []
    seen.add(key)
    return [{ file, line, why: `${from} and ${to} import each other (${what})` }]
  })
}

/** The number of the ring that a node is part of; nodes of no ring are left out. Tarjan 1972: strong components. */
function ringGroups(edges: readonly Edge[]): Map<string, number> {
  const next = new Map<string, string[]>()
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to])
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const groups = new Map<string, number>()
  const visit = (node: string): void => {
    const own = index.size
    index.set(node, own)
    low.set(node, own)
    stack.push(node)
    for (const to of next.get(node) ?? []) {
      if (!index.has(to)) visit(to)
      if (stack.includes(to)) low.set(node, Math.min(low.get(node) ?? own, low.get(to) ?? own))
    }
    if (low.get(node) !== own) return
    const component = stack.splice(stack.indexOf(node))
    const isRing = component.length > 1 || next.get(node)?.includes(node)
    if (isRing) for (const one of component) groups.set(one, own)
  }
  for (const node of next.keys()) if (!index.has(node)) visit(node)
  return groups
}

/**
 * Every module that a source file asks for: static imports, re-exports, dynamic `import()`, `import('…')` types,
 * `require()`, and workers (`new URL('./file.ts', import.meta.url)`).
 */
export function importsOf(file: string, source: string): Import[] {
  const { program, errors } = parseSync(file, source)
  if (errors.length > 0) throw new Error(`${file} cannot be parsed: ${errors[0].message}`)
  const found: Import[] = []
  const add = (node: Node, specifier: unknown, typeOnly: boolean) =>
    found.push({
      specifier: typeof specifier === 'string' ? specifier : COMPUTED,
      typeOnly,
      line: lineAt(source, node.start),
    })
  walk(program, (node) => {
    switch (node.type) {
      case 'ImportDeclaration':
        add(node, literal(node['source']), node['importKind'] === 'type')
        break
      case 'ExportAllDeclaration':
      case 'ExportNamedDeclaration':
        if (node['source']) add(node, literal(node['source']), node['exportKind'] === 'type')
        break
      case 'ImportExpression':
        add(node, literal(node['source']), false)
        break
      case 'TSImportType':
        add(node, literal(node['source'] ?? node['argument']), true)
        break
      case 'CallExpression':
        if (isNode(node['callee']) && node['callee']['name'] === 'require') add(node, literal(argument(node, 0)), false)
        break
      case 'NewExpression':
        if (isModuleUrl(node)) add(node, literal(argument(node, 0)), false)
        break
    }
  })
  return found
}

/** `new URL('./some.ts', import.meta.url)`: how a worker's file is named. Other files than source are data, not imports. */
function isModuleUrl(node: Node): boolean {
  const path = literal(argument(node, 0))
  const base = argument(node, 1)
  return (
    isNode(node['callee']) &&
    node['callee']['name'] === 'URL' &&
    typeof path === 'string' &&
    /^\.{1,2}\/.*\.(ts|tsx|mjs)$/.test(path) &&
    isNode(base) &&
    base.type === 'MemberExpression'
  )
}

/** The parser's tree is ESTree as plain objects; only these fields are read, so its large types are not needed. */
interface Node {
  readonly type: string
  readonly start: number
  readonly [field: string]: unknown
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) for (const one of value) walk(one, visit)
  else if (isNode(value)) {
    visit(value)
    for (const field of Object.values(value)) if (typeof field === 'object') walk(field, visit)
  }
}

function literal(value: unknown): unknown {
  if (!isNode(value)) return undefined
  return value.type === 'TSLiteralType' ? literal(value['literal']) : value['value']
}

function argument(node: Node, index: number): unknown {
  return Array.isArray(node['arguments']) ? node['arguments'][index] : undefined
}

function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length
}

/** @returns the path from the root of an import of ours, null for a package or one of Node's modules. */
function resolveLocal(root: string, file: string, specifier: string): string | null {
  if (specifier === '@barometer/wire' || specifier.startsWith('@barometer/wire/')) return 'wire/src/index.ts'
  if (!specifier.startsWith('.')) return null
  return relative(root, resolve(root, dirname(file), specifier))
    .split(sep)
    .join('/')
}

function roomOf(file: string, table: Table): string | null {
  const fits = Object.entries(table).filter(([, { path }]) => file === path || file.startsWith(`${path}/`))
  return fits.sort(([, a], [, b]) => b.path.length - a.path.length)[0]?.[0] ?? null
}

function sourceFiles(root: string, table: Table): string[] {
  const files = new Set(Object.values(table).flatMap(({ path }) => filesUnder(root, path)))
  return [...files].filter((path) => /\.(ts|tsx|mjs)$/.test(path) && !/\.test\.tsx?$|\.d\.ts$/.test(path)).sort()
}

/** The file itself, or all files in the folder and below. */
function filesUnder(root: string, path: string): string[] {
  const stats = statSync(join(root, path), { throwIfNoEntry: false })
  if (stats === undefined) return []
  if (!stats.isDirectory()) return [path]
  return readdirSync(join(root, path)).flatMap((name) => filesUnder(root, `${path}/${name}`))
}

function exists(root: string, path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false }) !== undefined
}

/** The table as text, top to bottom: whoever stands higher may know those below, never the other way round. */
export function draw(table: Table): string {
  const names = Object.keys(table)
  const below = (name: string): readonly string[] => {
    const room = table[name]
    return room.may === 'everything'
      ? names.filter((one) => table[one].may !== 'everything')
      : [...room.may, ...(room.types ?? [])]
  }
  const levels = new Map<string, number>()
  const levelOf = (name: string, path: readonly string[] = []): number => {
    if (path.includes(name)) throw new Error(`The table has a ring: ${[...path, name].join(' → ')}`)
    const known = levels.get(name)
    if (known !== undefined) return known
    const level = Math.max(-1, ...below(name).map((one) => levelOf(one, [...path, name]))) + 1
    levels.set(name, level)
    return level
  }
  for (const name of names) levelOf(name)
  const width = Math.max(...names.map((name) => name.length))
  const line = (name: string) => {
    const room = table[name]
    const types = (room.types ?? []).map((one) => `(${one})`)
    const targets = room.may === 'everything' ? ['everything below'] : [...room.may, ...types]
    const words = targets.length === 0 ? '·' : `──▶  ${targets.join('  ')}`
    return `│  ${name.padEnd(width)}  ${words}${room.pure ? '   [pure]' : ''}`
  }
  const heights = [...new Set(levels.values())].sort((a, b) => b - a)
  const blocks = heights.map((level) =>
    names
      .filter((name) => levels.get(name) === level)
      .map(line)
      .join('\n'),
  )
  const rule = '─'.repeat(
    Math.max(
      ...blocks
        .join('\n')
        .split('\n')
        .map((one) => one.length),
    ),
  )
  return ['```text', `┌${rule}`, blocks.join(`\n├${rule}\n`), `└${rule}`, '```', '', LEGEND].join('\n')
}

/** Puts the drawing between its markers. */
export function drawInto(page: string, drawing: string): string {
  const start = page.indexOf(OPENING)
  const end = page.indexOf(CLOSING)
  if (start < 0 || end < start) throw new Error(`The page lacks the lines ${OPENING} and ${CLOSING}.`)
  return `${page.slice(0, start)}${OPENING}\n${drawing}\n${page.slice(end)}`
}
