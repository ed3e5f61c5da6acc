/** Gives memory back when there is nothing to do: V8 alone keeps what a start or a burst of work left behind. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Below this share of its time the event loop rests. */
const RESTS_BELOW = 0.05

/**
 * @returns a round to be called every few seconds: the first one at rest after some work collects the garbage, which
 *   takes about 30 ms that nobody waits for.
 */
export function tidyHeap(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') return () => undefined
  let before = performance.eventLoopUtilization()
  let worked = true
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    if (utilization > RESTS_BELOW) worked = true
    else if (worked) {
      collect()
      worked = false
    }
  }
}
