/**
 * Makes a checkout ready for `npm start`, `npm run dev` and `npm test`, and does nothing when it is ready already.
 *
 *   node scripts/prepare.mjs start | dev | test
 *
 * It runs before anything is installed, on the system's own Node (20 or newer): plain JavaScript, no dependencies.
 * Each step is keyed by a hash of what goes into it, so that the second run only reads a few files. Two runs at once
 * are safe: the second waits for the first and then finds nothing to do.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDebianPackages } from './debian.mjs'
import { underLock } from './lock.mjs'
import { hasPinnedNode, npm, pinnedNode, root, run, say } from './run.mjs'

const MODES = ['start', 'dev', 'test']
const NODE_MAJOR_MIN = 20
/** The stamps of finished steps lie beside the packages, so that deleting node_modules deletes them too. */
const STAMPS = join(root, 'node_modules', '.barometer')
const PAGE = join(root, 'web', 'dist')
const WORKSPACES = ['wire', 'server', 'web']

await prepare(process.argv[2])

async function prepare(mode) {
  if (!MODES.includes(mode)) stop(2, `Usage: node scripts/prepare.mjs ${MODES.join(' | ')}`)
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN)
    stop(1, `Barometer needs Node ${NODE_MAJOR_MIN} or newer to install itself; this is Node ${process.versions.node}.`)
  const due = () => steps(mode).filter((step) => !step.isDone())
  try {
    if (due().length > 0) {
      mkdirSync(STAMPS, { recursive: true })
      await underLock(join(STAMPS, 'lock'), async () => {
        for (const step of due()) await timed(step)
      })
    }
    if (mode === 'test') await ensureDebianPackages()
  } catch (error) {
    stop(1, error instanceof Error ? error.message : String(error))
  }
}

function steps(mode) {
  return mode === 'dev' ? [packages()] : [packages(), joinedPackages(), page(mode)]
}

/** The npm packages of the lock file, and Node itself in the version that the lock file pins. */
function packages() {
  const inputs = ['package.json', 'package-lock.json', '.npmrc', ...WORKSPACES.map((name) => `${name}/package.json`)]
  const key = () => hashOf(inputs, `${process.platform} ${process.arch}`)
  return {
    say: existsSync(join(root, 'node_modules', '.package-lock.json'))
      ? 'Updating the npm packages'
      : 'Installing the npm packages (the first time takes about half a minute)',
    isDone: () => stampIs('packages', key()) && hasPinnedNode(),
    async work() {
      // Not `npm ci`: it refuses a lock file that was written where some platform's optional packages were not offered.
      // `--no-save` leaves package.json and package-lock.json as they are; the lock file's versions and hashes hold.
      const installed = await npm(['install', '--no-save', '--loglevel=error'])
      if (installed !== 0)
        throw new Error(
          'The npm packages could not be installed; npm says why above.\n' +
            'Usual reasons: no network, a proxy that npm does not know (npm config set proxy …), or a full disk.\n' +
            'It is safe to run the command again.',
        )
      if (!hasPinnedNode()) await installNode()
      stamp('packages', key())
      return true
    },
  }
}

/** The package `node` fetches its binary in an install script, which npm skips where scripts are switched off. */
async function installNode() {
  const folder = join(root, 'node_modules', 'node')
  await run(process.execPath, ['installArchSpecificPackage.js'], { cwd: folder })
  if (!hasPinnedNode())
    throw new Error(
      `Node was not installed at ${pinnedNode}.\n` +
        'Barometer brings its own Node as an npm package; there may be none for this platform ' +
        `(${process.platform} ${process.arch}), or npm could not reach its registry.`,
    )
}

/** The large packages as a few files each, for a lighter start; without them the server only starts slower. */
function joinedPackages() {
  const key = () => hashOf(['package-lock.json', 'scripts/flatten.mjs'], '')
  return {
    say: 'Joining the large packages',
    isDone: () => stampIs('joined', key()),
    async work() {
      const made = await run(pinnedNode, [join(root, 'scripts', 'flatten.mjs')], { cwd: root })
      if (made === 0) stamp('joined', key())
      else say('The packages could not be joined; the server starts without that, a little slower.')
      return made === 0
    },
  }
}

/**
 * The page, as the server gives it out. Where it cannot be built, `npm start` stops; `npm test` goes on without a page,
 * so that one mistake in it does not hide the result of every other test.
 */
function page(mode) {
  return {
    say: 'Building the page',
    isDone: () => stampIs('page', pageKey()) && existsSync(join(PAGE, 'index.html')),
    async work() {
      const key = pageKey()
      const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
      const built = await run(pinnedNode, [vite, 'build', '--logLevel', 'warn'], { cwd: join(root, 'web') })
      if (built === 0) {
        stamp('page', key)
        return true
      }
      rmSync(PAGE, { recursive: true, force: true })
      if (mode !== 'test') throw new Error('The page could not be built; Vite says why above.')
      say('The page could not be built; Vite says why above. The tests of the page will fail.')
      return false
    },
  }
}

function pageKey() {
  return hashOf(pageSources(), '')
}

function pageSources() {
  return ['package-lock.json', ...filesUnder('web', ['dist', 'node_modules']), ...filesUnder('wire/src', [])]
}

async function timed(step) {
  const began = performance.now()
  say(`${step.say} …`)
  if ((await step.work()) === false) return
  say(`${step.say.replace(/ \(.*/, '')}: done in ${((performance.now() - began) / 1000).toFixed(1)} s`)
}

/** sha256 over the names and contents of files (paths from the root); a file that is not there counts as absent. */
function hashOf(paths, salt) {
  const hash = createHash('sha256').update(salt)
  for (const path of paths) {
    const whole = join(root, path)
    const bytes = existsSync(whole) ? readFileSync(whole) : null
    hash.update(`\n${path} ${bytes ? bytes.length : 'absent'}\n`)
    if (bytes) hash.update(bytes)
  }
  return hash.digest('hex')
}

/** Paths from the root, sorted, without the named entries of the top folder. */
function filesUnder(folder, leaveOut) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !leaveOut.includes(entry.name))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`
      return entry.isDirectory() ? filesUnder(path, []) : [path]
    })
    .sort((a, b) => (a < b ? -1 : 1))
}

function stampIs(name, key) {
  const file = join(STAMPS, name)
  return existsSync(file) && readFileSync(file, 'utf8') === key
}

function stamp(name, key) {
  mkdirSync(STAMPS, { recursive: true })
  writeFileSync(join(STAMPS, name), key)
}

function stop(code, words) {
  for (const line of words.split('\n')) say(line)
  process.exit(code)
}
