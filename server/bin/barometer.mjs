#!/usr/bin/env -S MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 node --max-semi-space-size=4
/**
 * The `barometer` command. Plain JavaScript, because it may be started by a Node that is too old for the rest:
 * then it starts the Node that the repository brings along and becomes its go-between.
 *
 * The first line is about memory, at the same speed: a small space for new objects (30 MB less under load), and for
 * glibc one arena for all threads and large blocks of their own, which go back to the system (10 MB less at rest, 15
 * under load, with three models).
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NODE_MAJOR_MIN = 26
/** After the command has ended, for what it left behind. */
const END_MS = 1000

// Whatever the command and its children write is for their owner alone, from its first byte: texts, models, secrets.
process.umask(0o077)

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) {
  // Compiled code is kept between runs, which halves the time to the first answer; where it cannot be kept, nothing is lost.
  module.enableCompileCache(inRepository('node_modules/.cache/barometer'))
  // Threads find their code there too, and then need no type stripper of their own: 8 MB a thread instead of 19.
  const cache = module.getCompileCacheDir()
  if (cache !== undefined) process.env.NODE_COMPILE_CACHE = cache
  useJoinedPackages(inRepository('node_modules/.cache/barometer-flat'))
  const { cli } = await import('../src/cli.ts')
  process.exitCode = await cli(process.argv.slice(2))
  // All is said and closed. What still runs (a part of a start that failed) does not keep the process.
  setTimeout(() => process.exit(), END_MS).unref()
} else startAgain()

/** Takes packages from the files that scripts/flatten.mjs made of them, where those are of the installed versions. */
function useJoinedPackages(folder) {
  if (!existsSync(`${folder}/index.json`)) return
  const { versions, files } = readJson(`${folder}/index.json`)
  for (const [name, version] of Object.entries(versions)) {
    if (readJson(inRepository(`node_modules/${name}/package.json`)).version !== version) return
  }
  const joined = new Map(
    Object.entries(files).map(([specifier, file]) => [specifier, pathToFileURL(`${folder}/${file}`).href]),
  )
  module.registerHooks({
    resolve(specifier, context, next) {
      const url = joined.get(specifier)
      return url === undefined ? next(specifier, context) : { url, format: 'module', shortCircuit: true }
    },
  })
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** Runs the same command on the pinned Node; signals go through, and so does the exit code. */
function startAgain() {
  const node = inRepository(`node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`)
  if (!existsSync(node)) {
    process.stderr.write(
      `barometer: this is Node ${process.versions.node}; Barometer runs on Node ${NODE_MAJOR_MIN}, which is not installed here yet.\n` +
        'barometer: run `npm start` in the repository once; it installs everything.\n',
    )
    process.exit(1)
  }
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal))
  // A terminal sends Ctrl-C to both; without one, only this process was asked.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  child.on('error', (error) => {
    process.stderr.write(`barometer: ${node} could not be started: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function inRepository(path) {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}
