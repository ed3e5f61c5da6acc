/** Work that comes again and again for as long as the process lives. */

/**
 * A round after each pause, never two at once. A round that fails is reported, and the next one tries again.
 *
 * @returns what ends it: no further round begins, and it resolves when the one under way is done.
 */
export function every(
  pauseMs: number,
  round: () => Promise<void>,
  onFailure: (why: string) => void,
): () => Promise<void> {
  let ended = false
  let running = Promise.resolve()
  let timer = setTimeout(turn, pauseMs)

  function turn(): void {
    running = round()
      .catch((error: unknown) => onFailure(error instanceof Error ? error.message : String(error)))
      .finally(() => {
        if (!ended) timer = setTimeout(turn, pauseMs)
      })
  }

  return () => {
    ended = true
    clearTimeout(timer)
    return running
  }
}
