import { type FaultCode, faults } from '../domain/faults.ts'
import type { TextModel } from '../models/textModel.ts'
import { outputLine, type RowFault, type RowScore } from './output.ts'
import type { BatchPlan, Chunk, ScoredChunk } from './plan.ts'
import { type BatchRow, recordsOf } from './records.ts'

/** Reads, scores and writes one chunk. It is the whole work of a batch; the rest only carries chunks. */
export function scoreChunk(chunk: Chunk, plan: BatchPlan, model: TextModel): ScoredChunk {
  const labels = model.labels.map(() => 0)
  let faultRows = 0
  let textBytes = 0
  const rows = recordsOf(chunk.bytes, chunk.firstLine, plan)
  const lines = rows.map((row) => {
    const fault = rowFault(row, plan.textCharsMax)
    if (fault !== null || row.text === null) {
      faultRows++
      return outputLine(row, fault ?? ofCode('bad_request', row.bad), plan)
    }
    textBytes += Buffer.byteLength(row.text)
    const scored = model.score(row.text)
    labels[scored.label]++
    return outputLine(row, rowScore(model.labels, scored.label, scored.probabilities), plan)
  })
  return { bytes: new TextEncoder().encode(lines.join('')), rows: rows.length, faults: faultRows, textBytes, labels }
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
