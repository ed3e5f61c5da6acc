/**
 * The server on :8000, started again when its code changes, and the page with hot reload on :5173, until Ctrl-C.
 *
 * Settings go through the environment as for `npm start` (PORT, BAROMETER_HOME, …).
 *
 * Not `node --watch`: in that mode Node reports every import of a worker thread as a message from it, in between those
 * that the thread itself sends.
 */
import { spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { join } from 'node:path'
import { pinnedNode, root, say, toolEnvironment } from './run.mjs'

const WATCHED = ['server/src', 'wire/src']
/** Editors write a file in several steps, and a checkout writes many; one restart is enough for all. */
const CALM_MS = 150
/** A process that does not stop by then is killed. */
const PATIENCE_MS = 10_000

const server = supervise('server', [join('server', 'bin', 'barometer.mjs'), 'serve'], root)
const page = supervise(
  'page',
  [join(root, 'node_modules/vite/bin/vite.js'), '--port', '5173', '--strictPort'],
  join(root, 'web'),
)
let calm = null

for (const folder of WATCHED)
  watch(join(root, folder), { recursive: true }, (_, name) => {
    if (name === null || !name.endsWith('.ts') || name.endsWith('.test.ts')) return
    clearTimeout(calm)
    calm = setTimeout(() => {
      say(`${folder}/${name} changed; starting the server again …`)
      void server.restart()
    }, CALM_MS)
  })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    void Promise.all([server.stop(), page.stop()]).then(() => process.exit(0))
  })

/** Keeps one process going. When it ends by itself, it is started again at the next change. */
function supervise(name, args, cwd) {
  let child = start()
  let turn = Promise.resolve()

  function start() {
    // A group of its own, so that the terminal's Ctrl-C reaches it once: from here.
    const started = spawn(pinnedNode, args, {
      cwd,
      env: toolEnvironment(),
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    })
    started.ended = new Promise((resolve) => started.on('exit', resolve))
    started.on('exit', (code, signal) => {
      if (!started.asked)
        say(
          `The ${name} ended (${signal ?? `exit code ${code}`}).${name === 'server' ? ' It starts again at the next change.' : ''}`,
        )
    })
    return started
  }

  async function stop() {
    child.asked = true
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
      await child.ended
      clearTimeout(late)
    }
  }

  return {
    stop: () => (turn = turn.then(stop)),
    restart: () =>
      (turn = turn.then(async () => {
        await stop()
        child = start()
      })),
  }
}
