/** Gathers what arrives and hands it over once a frame, so that a flood costs one update a frame and not one an event. */

interface Clock {
  /** Calls back before the next frame is drawn. */
  readonly next: (act: () => void) => number
  readonly cancel: (handle: number) => void
}

export interface Frame<T> {
  readonly push: (item: T) => void
  readonly stop: () => void
}

/**
 * @param itemsMax how many are kept for one frame; a hidden page draws none, so without a limit it would grow for ever.
 *                 The newest stay, and `flush` is told how many were let go.
 */
export function createFrame<T>(
  flush: (items: readonly T[], dropped: number) => void,
  itemsMax: number,
  clock: Clock,
): Frame<T> {
  let items: T[] = []
  let dropped = 0
  let handle: number | null = null

  return {
    push(item) {
      items.push(item)
      // Trimmed at twice the limit, so that a trim costs nothing per item.
      if (items.length >= 2 * itemsMax) {
        dropped += items.length - itemsMax
        items = items.slice(-itemsMax)
      }
      handle ??= clock.next(() => {
        handle = null
        const over = Math.max(0, items.length - itemsMax)
        const [batch, lost] = [items.slice(over), dropped + over]
        items = []
        dropped = 0
        flush(batch, lost)
      })
    },
    stop() {
      if (handle !== null) clock.cancel(handle)
      handle = null
      items = []
    },
  }
}
