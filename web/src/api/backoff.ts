const FIRST_MS = 500
const LONGEST_MS = 20_000

/**
 * How long to wait before attempt `attempt` (0, 1, 2 …): doubles up to 20 s, of which half is chance,
 * so that many pages do not come back to a restarted server in one moment.
 *
 * @param chance in [0, 1)
 */
export function backoffMs(attempt: number, chance: number): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt)
  return longest / 2 + (longest / 2) * chance
}
