#!/usr/bin/env node
/**
 * The `barometer` command. Plain JavaScript, because it may be started by a Node that is too old for the rest:
 * then it starts the Node that the repository brings along and becomes its go-between.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR_MIN = 26

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) {
  // Compiled code is kept between runs, which halves the time to the first answer; where it cannot be kept, nothing is lost.
  module.enableCompileCache(inRepository('node_modules/.cache/barometer'))
  // Threads find their code there too, and then need no type stripper of their own: 8 MB a thread instead of 19.
  process.env.NODE_COMPILE_CACHE = module.getCompileCacheDir()
  const { cli } = await import('../src/cli.ts')
  process.exitCode = await cli(process.argv.slice(2))
} else startAgain()

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
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' })
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
