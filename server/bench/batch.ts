/** Scoring a file of reviews with `barometer predict --file`, as a user does it: from the process's start to its end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from './barometer.ts'

export interface Batch {
  readonly what: 'batch'
  readonly name: string
  readonly rows: number
  /** UTF-8 bytes of the texts alone, in megabytes (10⁶). */
  readonly textMb: number
  /** Of the whole command: start, reading, scoring, writing. */
  readonly seconds: number
  readonly mbPerSecond: number
}

/** @param checkouts by name; in every round each has its turn */
export async function batch(
  checkouts: Readonly<Record<string, string>>,
  reviews: readonly string[],
  times: number,
  said: (line: Batch) => void,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'barometer-bench-'))
  try {
    const file = join(folder, 'reviews.jsonl')
    writeFileSync(file, reviews.map((text) => `${JSON.stringify({ text })}\n`).join(''))
    const textMb = reviews.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6
    const homeOf = (name: string): string => join(folder, name)
    for (const [name, root] of Object.entries(checkouts))
      await command(root, homeOf(name), ['predict', 'The first start prepares the state.'])
    const turns = Array.from({ length: times }, () => Object.entries(checkouts)).flat()
    for (const [name, root] of turns) {
      const startedMs = performance.now()
      const printed = await command(root, homeOf(name), ['predict', '--file', file, '--output', 'ndjson'])
      const seconds = (performance.now() - startedMs) / 1000
      const rows = printed.trimEnd().split('\n').length
      if (rows !== reviews.length) throw new Error(`${reviews.length} reviews gave ${rows} answers.`)
      said({ what: 'batch', name, rows, textMb, seconds, mbPerSecond: textMb / seconds })
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
