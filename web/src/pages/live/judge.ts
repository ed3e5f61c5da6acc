/**
 * Feedback by key, with time to think again. A label waits `graceMs` before it is sent; until then it can be taken
 * back as if it had never been. Later, taking it back means sending the label that stood before: feedback is a
 * record, it can be corrected but not erased, so a first label that was sent stays until another one is given.
 */
export interface Judged {
  readonly id: string
  readonly label: string
  /** The feedback that stood before, if any. */
  readonly before: string | null
}

export type Undone =
  | { readonly kind: 'cancelled'; readonly judged: Judged }
  | { readonly kind: 'restored'; readonly judged: Judged }
  | { readonly kind: 'first'; readonly judged: Judged }
  | { readonly kind: 'nothing' }

export interface Judge {
  readonly give: (judged: Judged) => void
  readonly undo: () => Undone
  /** Sends at once what still waits (the page is being closed). */
  readonly flush: () => void
  /** Labels that wait, by prediction. */
  readonly pending: () => ReadonlyMap<string, string>
}

interface Needs {
  readonly graceMs: number
  readonly send: (judged: Judged, closing: boolean) => void
  readonly changed: () => void
  /** Calls back after a time; returns how to call it off. */
  readonly after: (ms: number, act: () => void) => () => void
}

/** How many steps can be taken back. */
const HISTORY_MAX = 100

export function createJudge({ graceMs, send, changed, after }: Needs): Judge {
  const waiting = new Map<string, { judged: Judged; cancel: () => void }>()
  const history: Judged[] = []
  let snapshot: ReadonlyMap<string, string> = new Map()

  function renew(): void {
    snapshot = new Map([...waiting].map(([id, { judged }]) => [id, judged.label]))
    changed()
  }

  function post(judged: Judged, closing = false): void {
    waiting.delete(judged.id)
    renew()
    send(judged, closing)
  }

  return {
    pending: () => snapshot,
    give(judged) {
      waiting.get(judged.id)?.cancel()
      const earlier = history.findIndex((h) => h.id === judged.id && waiting.has(judged.id))
      if (earlier >= 0) history.splice(earlier, 1)
      history.push(judged)
      if (history.length > HISTORY_MAX) history.shift()
      waiting.set(judged.id, { judged, cancel: after(graceMs, () => post(judged)) })
      renew()
    },
    undo() {
      const judged = history.pop()
      if (!judged) return { kind: 'nothing' }
      const unsent = waiting.get(judged.id)
      if (unsent) {
        unsent.cancel()
        waiting.delete(judged.id)
        renew()
        return { kind: 'cancelled', judged }
      }
      if (judged.before === null) return { kind: 'first', judged }
      send({ id: judged.id, label: judged.before, before: judged.label }, false)
      return { kind: 'restored', judged }
    },
    flush() {
      for (const { judged, cancel } of waiting.values()) {
        cancel()
        post(judged, true)
      }
    },
  }
}
