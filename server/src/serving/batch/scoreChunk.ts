import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { Fault, type FaultCode, faults } from '../../domain/faults.ts'
import type { Block } from '../../ingest/files/layout.ts'
import { likelyEncoding } from '../../ingest/files/likelyEncoding.ts'
import { scoreMany } from '../../models/scoreMany.ts'
import type { QueuedTextModel, Scored, TextModel } from '../../models/textModel.ts'
import { outputLine, type RowFault, type RowScore } from './output.ts'
import { type BatchPlan, type Found, REFUSED_SHOWN, type ScoredChunk } from './plan.ts'
import { type BatchRow, type BatchRows, recordsOf } from './records.ts'

/** Reads, scores and writes one chunk. It is the whole work of a batch; the rest only carries chunks. */
export function scoreChunk(chunk: Block, plan: BatchPlan, model: TextModel): ScoredChunk {
  const { rows, found } = readChunk(chunk, plan)
  return writeChunk(
    rows.map((row) => (row.fault === null ? { ...row, scored: model.score(row.text) } : row)),
    found,
    plan,
    model.labels,
  )
}

/** No deadline for a single text of a batch; this ends one whose model has stopped answering. */
const OPTIONS = { deadlineMs: 600_000 }

/** The same with a model that has threads of its own. */
export async function scoreChunkQueued(chunk: Block, plan: BatchPlan, model: QueuedTextModel): Promise<ScoredChunk> {
  const { rows, found } = readChunk(chunk, plan)
  const places = rows.flatMap((row, i) => (row.fault === null ? [{ i, row }] : []))
  const texts = places.map(({ row }) => row.text)
  await scoreMany(
    model,
    texts,
    OPTIONS,
    (ms) => setTimeout(ms),
    (k, answer) => {
      if (answer instanceof Fault) throw answer
      const { i, row } = places[k]
      rows[i] = { ...row, scored: answer }
    },
  )
  return writeChunk(rows, found, plan, model.labels)
}

/** A row on its way: what was read, and then either its score or why it has none. */
type ChunkRow =
  | { readonly row: BatchRow; readonly fault: RowFault }
  | { readonly row: BatchRow; readonly fault: null; readonly text: string; readonly scored?: Scored }

function readChunk(chunk: Block, plan: BatchPlan): { rows: ChunkRow[]; found: Found } {
  const read = recordsOf(chunk, plan)
  const rows = read.rows.map((row): ChunkRow => {
    const fault = rowFault(row, plan.textCharsMax)
    if (fault !== null || row.text === null) return { row, fault: fault ?? ofCode('bad_request', row.bad) }
    return { row, fault: null, text: row.text }
  })
  return { rows, found: foundIn(chunk, read) }
}

/** What the person should hear of about a chunk that was read. */
export function foundIn({ bytes }: Block, { rows, blank, undecodable, longest }: BatchRows): Found {
  const refused = rows.flatMap(({ line, bad }) => (bad === null ? [] : [{ line, reason: bad }]))
  return {
    blank,
    refused: refused.slice(0, REFUSED_SHOWN),
    longest,
    undecodable: undecodable === 0 ? null : { line: undecodable, likely: likelyEncoding(bytes) },
  }
}

function writeChunk(
  rows: readonly ChunkRow[],
  found: Found,
  plan: BatchPlan,
  labelNames: readonly string[],
): ScoredChunk {
  const labels = labelNames.map(() => 0)
  let faults = 0
  let textBytes = 0
  const lines = rows.map((one) => {
    if (one.fault !== null) {
      faults++
      return outputLine(one.row, one.fault, plan)
    }
    const { scored } = one
    assert(scored !== undefined, 'every row without a fault was scored')
    textBytes += Buffer.byteLength(one.text)
    labels[scored.label]++
    return outputLine(one.row, rowScore(labelNames, scored.label, scored.probabilities), plan)
  })
  return { bytes: new TextEncoder().encode(lines.join('')), rows: rows.length, faults, textBytes, labels, found }
}

/** Why a row is not scored, null where it can be. The same limits as the API's. */
export function rowFault(row: BatchRow, textCharsMax: number): RowFault | null {
  if (row.text === null) return ofCode('bad_request', row.bad)
  if (row.text.length > textCharsMax)
    return ofCode('text_too_long', `The text has ${row.text.length} characters; at most ${textCharsMax} are scored.`)
  return /\S/.test(row.text) ? null : ofCode('empty_text', null)
}

/** Probabilities as the log and the API round them: 6 decimals. */
function rowScore(labels: readonly string[], label: number, probabilities: Float64Array): RowScore {
  const rounded = Array.from(probabilities, (p) => Math.round(p * 1e6) / 1e6)
  return { label: labels[label], confidence: rounded[label], probabilities: rounded }
}

function ofCode(code: FaultCode, message: string | null): RowFault {
  return { code, message: message ?? faults[code].say }
}
