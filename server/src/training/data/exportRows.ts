/** Logged texts as a file of rows: with their true labels, or for what learns without. */
import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../domain/faults.ts'
import type { TrainingFeedback, TrainingLog } from '../../domain/trainingRun.ts'
import type { Log } from '../../store/store.ts'

/** The newest of them. More would not fit into memory with their texts. */
const ROWS_MAX = 1_000_000

/**
 * Writes JSON lines of `text` and `label`, newest first, in constant memory. The file is there whole or not at all.
 *
 * Of what learns without labels the label is what is known or was predicted: a row has one, whoever reads it.
 *
 * @returns the rows written; rejects with Fault('data_broken') where there are none.
 */
export async function exportRows(
  log: Pick<Log, 'stream'>,
  { kind, task, since }: TrainingFeedback | TrainingLog,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  let rows = 0
  let without = 0
  async function* lines(): AsyncGenerator<string> {
    const filter = {
      task,
      ...(kind === 'feedback' ? ({ feedback: 'any' } as const) : {}),
      ...(since === undefined ? {} : { since }),
    }
    for await (const logged of log.stream(filter, ROWS_MAX)) {
      const some: string[] = []
      for (const { text, feedback, label } of logged) {
        if (text === null) without++
        else some.push(`${JSON.stringify({ text, label: feedback?.label ?? label })}\n`)
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
          ? `The log has ${without} such predictions of “${task}”, but does not keep their texts (KEEP_TEXT).`
          : `${kind === 'feedback' ? `No prediction of “${task}” has feedback` : `The log has no prediction of “${task}”`}${since === undefined ? '' : ' in that time'}.`,
    })
  await rename(partial, path)
  return rows
}
