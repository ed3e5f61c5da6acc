/**
 * Joins packages of hundreds of small modules into a few files. Node pays for each module that it loads: `typebox` and
 * `kysely` as they come are a thousand files, 43 MB of memory and 200 ms of every start; joined, 6 MB and 15 ms.
 * server/bin/barometer.mjs uses the joined files where they are there and of the installed version; everything else
 * (tests, types, other commands) uses the packages themselves.
 *
 *   node scripts/flatten.mjs      on the pinned Node; writes node_modules/.cache/barometer-flat/
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'node_modules/.cache/barometer-flat')

/** Specifier → name of its file. */
const entries = { typebox: 'typebox', 'typebox/value': 'typebox-value', kysely: 'kysely' }

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const bundle = await rolldown({
  input: Object.fromEntries(
    Object.entries(entries).map(([specifier, name]) => [name, fileURLToPath(import.meta.resolve(specifier))]),
  ),
  platform: 'node',
  logLevel: 'silent',
})
await bundle.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: 'shared-[hash].mjs' })
const versions = Object.fromEntries(
  Object.keys(entries).map((specifier) => {
    const name = specifier.split('/')[0]
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'))
    return [name, version]
  }),
)
const files = Object.fromEntries(Object.entries(entries).map(([specifier, name]) => [specifier, `${name}.mjs`]))
writeFileSync(join(folder, 'index.json'), JSON.stringify({ versions, files }))
