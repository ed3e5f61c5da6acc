/** Which of the texts that wait are scored together. */

export interface Waiting {
  /** Tokens, the special ones among them. */
  readonly length: number
  /** Only texts of the same model can share a batch. */
  readonly model: number
  /** Lets texts that came alone pass. */
  readonly bulk: boolean
  /** It was in a batch whose thread ended: it goes alone, since it may have been the reason. */
  readonly again: boolean
}

export interface BatchLimits {
  /** Rows × tokens of the longest. */
  readonly paddedTokensMax: number
  readonly rowsMax: number
  /** Past so many padded tokens another row makes no row cheaper; it only makes all wait for it. */
  readonly tokensEnough: number
  /** Padding ÷ padded tokens. */
  readonly paddingMax: number
}

/**
 * The oldest text, and those of about its length: a batch costs what its padded tokens cost, and a few hundred tokens
 * already keep the multiplications as busy as they get.
 *
 * @param waiting in the order in which they came
 * @param share   rows at most, so that other threads that have nothing to do get some, too
 * @returns indices, ascending by length; empty where nothing waits
 */
export function chooseBatch(waiting: readonly Waiting[], share: number, limits: BatchLimits): number[] {
  let first = waiting.findIndex(({ bulk }) => !bulk)
  if (first === -1) first = 0
  const oldest = waiting[first]
  if (oldest === undefined) return []
  if (oldest.again) return [first]
  const distance = (i: number) => Math.abs(waiting[i].length - oldest.length)
  const candidates = Array.from(waiting.keys())
    .filter((i) => i !== first && waiting[i].model === oldest.model && !waiting[i].again)
    // Of equally close ones those that came alone, and then the older.
    .sort((a, b) => distance(a) - distance(b) || Number(waiting[a].bulk) - Number(waiting[b].bulk) || a - b)
  const chosen = [first]
  let longest = oldest.length
  let tokens = oldest.length
  for (const i of candidates) {
    if (chosen.length >= Math.min(share, limits.rowsMax) || longest * chosen.length >= limits.tokensEnough) break
    const { length } = waiting[i]
    const padded = Math.max(longest, length) * (chosen.length + 1)
    // The next are still further away: none of them fits better.
    if (padded > limits.paddedTokensMax || padded - tokens - length > limits.paddingMax * padded) break
    chosen.push(i)
    longest = Math.max(longest, length)
    tokens += length
  }
  return chosen.sort((a, b) => waiting[a].length - waiting[b].length)
}
