/**
 * One tab of a browser leads: it alone holds what all of them need. When it closes, another takes its place.
 *
 * By the Web Lock of that name, which the browser gives to one tab after the other. Pages without TLS at another address
 * than this machine's have no Web Locks; there a lease in the local storage does: whoever holds it renews it, and it is
 * free when it was not renewed for a while. Two tabs may then lead for a moment (a hidden tab's timers run once a minute),
 * which costs a connection and nothing else.
 */
const LEASE_MS = 5000
const RENEW_MS = 1000
/** Two tabs that take a free lease at once both read it again after so long, and the second to write has it. */
const SETTLE_MS = 100

/** Begins to lead; what it gives back ends that. */
export type Lead = () => () => void

export interface Candidate {
  /** Leads at once, where who leads says nothing any more: a browser may suspend a tab without taking its lock. */
  readonly steal: () => void
  /** Ends the leading, or the waiting for it. */
  readonly leave: () => void
}

export function whenLeader(name: string, lead: Lead): Candidate {
  return 'locks' in navigator ? byLock(navigator.locks, name, lead) : byLease(localStorage, name, lead)
}

function byLock(locks: LockManager, name: string, lead: Lead): Candidate {
  let hasLeft = false
  let asked = new AbortController()
  let release = (): void => undefined

  function ask(steal: boolean): void {
    const mine = (asked = new AbortController())
    let end: (() => void) | null = null
    const settled = (): void => {
      end?.()
      // Taken away by another tab: the next one in turn.
      if (end !== null && !hasLeft && mine === asked) ask(false)
    }
    const given = (): Promise<void> | undefined => {
      if (hasLeft || mine.signal.aborted) return undefined
      end = lead()
      return new Promise((resolve) => {
        release = resolve
      })
    }
    // It rejects where it is left before the lock is given, and where the lock is stolen.
    locks.request(name, steal ? { steal } : { signal: mine.signal }, given).then(settled, settled)
  }

  ask(false)
  return {
    steal() {
      asked.abort()
      ask(true)
    },
    leave() {
      hasLeft = true
      asked.abort()
      release()
    },
  }
}

interface Lease {
  readonly holder: string
  readonly until: number
}

function byLease(storage: Storage, name: string, lead: Lead): Candidate {
  const self = Math.random().toString(36).slice(2)
  let end: (() => void) | null = null
  let settling: ReturnType<typeof setTimeout> | undefined

  const holder = (): string | null => {
    try {
      const lease = JSON.parse(storage.getItem(name) ?? 'null') as Lease | null // what `renew` wrote, or nothing
      return lease !== null && lease.until > Date.now() ? lease.holder : null
    } catch {
      return null
    }
  }
  const renew = (): void => storage.setItem(name, JSON.stringify({ holder: self, until: Date.now() + LEASE_MS }))

  function turn(): void {
    const current = holder()
    if (current === self) {
      renew()
      return
    }
    stop()
    if (current !== null) return
    renew()
    clearTimeout(settling)
    settling = setTimeout(() => {
      if (holder() === self) end ??= lead()
    }, SETTLE_MS)
  }

  function stop(): void {
    end?.()
    end = null
  }

  function leave(): void {
    clearTimeout(settling)
    stop()
    if (holder() === self) storage.removeItem(name)
  }

  const timer = setInterval(turn, RENEW_MS)
  // Told when another tab writes, so that a lease that was given up is taken at once.
  addEventListener('storage', turn)
  addEventListener('pagehide', leave)
  turn()
  return {
    // A lease that is not renewed is free by itself.
    steal: () => undefined,
    leave() {
      clearInterval(timer)
      removeEventListener('storage', turn)
      removeEventListener('pagehide', leave)
      leave()
    },
  }
}
