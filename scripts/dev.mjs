/**
 * The server with reload on :8000 and the page with hot reload on :5173, until Ctrl-C, which stops both.
 *
 * Settings go through the environment as for `npm start` (PORT, BAROMETER_HOME, …).
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { pinnedNode, root, say, toolEnvironment } from './run.mjs'

/** A child that does not stop by then is killed. */
const PATIENCE_MS = 10_000

const watched = ['server/src', 'wire/src'].flatMap((folder) => ['--watch-path', join(root, folder)])
const children = [
  start('server', pinnedNode, [...watched, '--watch-preserve-output', 'server/bin/barometer.mjs', 'serve'], root),
  start(
    'page',
    pinnedNode,
    [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), '--port', '5173', '--strictPort'],
    join(root, 'web'),
  ),
]
let stopping = false

for (const { name, process: child } of children)
  child.on('exit', (code, signal) => {
    if (!stopping) say(`The ${name} ended (${signal ?? `exit code ${code}`}); stopping.`)
    stop(code ?? 1)
  })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0))

function start(name, command, args, cwd) {
  // A group of its own, so that the terminal's Ctrl-C reaches a child once: from here.
  const child = spawn(command, args, {
    cwd,
    env: toolEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  return { name, process: child }
}

function stop(code) {
  if (!stopping) {
    stopping = true
    process.exitCode = code
    setTimeout(() => children.forEach((child) => end(child, 'SIGKILL')), PATIENCE_MS).unref()
  }
  for (const child of children) end(child, 'SIGTERM')
}

function end({ process: child }, signal) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It ended in this moment.
  }
}
