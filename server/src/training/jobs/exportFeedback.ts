/** Logged texts with their true labels, as a file of rows. */
import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../domain/faults.ts'
import type { TrainingFeedback } from '../../domain/trainingRun.ts'
import type { Log } from '../../store/store.ts'

/** The newest of them. More would not fit into memory with their texts. */
const ROWS_MAX = 1_000_000

/**
 * Writes JSON lines of `text` and `label`, newest first, in constant memory. The file is there whole or not at all.
 *
 * @returns the rows written; rejects with Fault('data_broken') where there are none.
 */
export async function exportFeedback(
  log: Pick<Log, 'stream'>,
  { task, since }: TrainingFeedback,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  let rows = 0
  let without = 0
  async function* lines(): AsyncGenerator<string> {
    const filter = { task, feedback: 'any', ...(since === undefined ? {} : { since }) } as const
    for await (const logged of log.stream(filter, ROWS_MAX)) {
      const some: string[] = []
      for (const { text, feedback } of logged) {
        if (text === null || feedback === null) without++
        else some.push(`${JSON.stringify({ text, label: feedback.label })}\n`)
      }
      rows += some.length
      yield some.join('')
    }
  }
  const partial = `${path}.partial`
  await pipeline(Readable.from(lines()), createWriteStream(partial), { signal })
  if (rows === 0)
    throw new Fault('data_broken', {
      say:
        without > 0
          ? `${without} predictions of “${task}” have feedback, but the log does not keep their texts (KEEP_TEXT).`
          : `No prediction of “${task}” has feedback${since === undefined ? '' : ' in that time'}.`,
    })
  await rename(partial, path)
  return rows
}
