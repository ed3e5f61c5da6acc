/** One at a time, over processes: a lock file whose holder keeps touching it. Plain JavaScript for Node 20. */
import { closeSync, openSync, rmSync, statSync, utimesSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { say } from './run.mjs'

const BEAT_MS = 1_000
/** A holder that has not touched its lock for this long counts as dead. */
const DEAD_MS = 15_000

/**
 * Does the work while no other process does it. Waits for a holder that lives; takes over from one that died.
 * A process id would not do: containers that share a folder count their processes apart.
 */
export async function underLock(path, work) {
  await take(path)
  const beat = setInterval(() => touch(path), BEAT_MS)
  const release = () => rmSync(path, { force: true })
  const leave = (signal) => {
    release()
    process.exit(signal === 'SIGINT' ? 130 : 143)
  }
  process.on('SIGINT', leave)
  process.on('SIGTERM', leave)
  try {
    return await work()
  } finally {
    process.off('SIGINT', leave)
    process.off('SIGTERM', leave)
    clearInterval(beat)
    release()
  }
}

async function take(path) {
  let told = false
  while (!create(path)) {
    const idleMs = idle(path)
    if (idleMs > DEAD_MS) rmSync(path, { force: true })
    else {
      if (!told) say('Another run is preparing this checkout; waiting for it …')
      told = true
      await sleep(200)
    }
  }
}

function create(path) {
  try {
    closeSync(openSync(path, 'wx'))
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/** Milliseconds since the holder's last sign of life; 0 where the lock has just gone. */
function idle(path) {
  try {
    return Date.now() - statSync(path).mtimeMs
  } catch {
    return 0
  }
}

function touch(path) {
  const now = new Date()
  try {
    utimesSync(path, now, now)
  } catch {
    // The folder was deleted under us; the step that is running will say so.
  }
}
