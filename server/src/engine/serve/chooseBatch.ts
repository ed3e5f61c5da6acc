/** Which of the texts that wait are scored together. */

export interface Waiting {
  /** Tokens, the special ones among them. */
  readonly length: number
  /** Only texts of the same model can share a batch. */
  readonly model: number
  /** Its model leaves padding out between the attentions. */
  readonly packed: boolean
  /** Lets texts that came alone pass. */
  readonly bulk: boolean
  /** It was in a batch whose thread ended: it goes alone, since it may have been the reason. */
  readonly again: boolean
}

export interface BatchLimits {
  /** Rows × tokens of the longest; protects the memory. */
  readonly paddedTokensMax: number
  readonly rowsMax: number
  /** Past so many tokens that cost time another row makes no row cheaper; it only makes all wait for it. */
  readonly tokensEnough: number
  /** What the padding that one more row brings may cost, in tokens. */
  readonly paddingTokensMax: number
}

/**
 * Of a packed model, padding costs attention alone: in a row of so many tokens as much as a token. (Measured: 0.07 of a
 * token in rows of 64, 0.14 of 128, 0.29 of 256, 0.47 of 512.)
 */
const PACKED_PARITY = 1000

/**
 * The oldest text, and those of about its length.
 *
 *   milliseconds of a batch ≈ 2.6 + 0.22 · (tokens + c · padding)      DistilBERT's shape in 8 bits, one thread, measured
 *
 * where c is 1, or of a packed model length/1000: padding takes part in its attention only, whose cost for each token grows
 * with the row. The first part is the way of the weights from memory. A row that joins a batch saves it, and costs what it
 * brings of padding: it is worth joining up to 12 tokens' worth. Past a few hundred tokens the first part no longer matters.
 *
 * @param waiting in the order in which they came
 * @param share   rows at most, so that other threads get as many
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
  const rowsMax = Math.min(share, limits.rowsMax)
  const chosen = [first]
  let longest = oldest.length
  let tokens = oldest.length
  for (const i of candidates) {
    const { length } = waiting[i]
    const rows = chosen.length + 1
    const longer = Math.max(longest, length)
    const padding = rows * longer - chosen.length * longest - length
    const worked = oldest.packed ? tokens + length : rows * longer
    const paddingCost = oldest.packed ? Math.min(1, longer / PACKED_PARITY) * padding : padding
    // The next are still further away: none of them fits better.
    if (rows > rowsMax || rows * longer > limits.paddedTokensMax) break
    if (worked > limits.tokensEnough || paddingCost > limits.paddingTokensMax) break
    chosen.push(i)
    longest = longer
    tokens += length
  }
  return chosen.sort((a, b) => waiting[a].length - waiting[b].length)
}
