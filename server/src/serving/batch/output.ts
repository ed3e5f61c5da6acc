/** Scored rows → lines of the output. */
import { csvField } from '../../domain/csvField.ts'
import type { BatchPlan } from './plan.ts'
import type { BatchRow } from './records.ts'

export interface RowScore {
  readonly label: string
  readonly confidence: number
  /** [labels] */
  readonly probabilities: readonly number[]
}

export interface RowFault {
  readonly code: string
  readonly message: string
}

type OutputPlan = Pick<BatchPlan, 'output' | 'keep' | 'probabilities' | 'labels'>

/** The line before the first row, '' where the format has none. */
export function outputHeader(plan: OutputPlan): string {
  if (plan.output === 'ndjson') return ''
  const probabilities = plan.probabilities ? plan.labels.map((label) => `p_${label}`) : []
  return `${['line', ...plan.keep, 'label', 'confidence', ...probabilities, 'error'].map(csvField).join(',')}\n`
}

/** One row; a row that could not be scored has its reason in `error`. */
export function outputLine(row: BatchRow, result: RowScore | RowFault, plan: OutputPlan): string {
  return plan.output === 'csv' ? csvLine(row, result, plan) : jsonLine(row, result, plan)
}

function csvLine(row: BatchRow, result: RowScore | RowFault, plan: OutputPlan): string {
  const kept = row.kept.map((value) => csvField(typeof value === 'string' ? value : JSON.stringify(value)))
  const scored = 'label' in result
  const probabilities = plan.probabilities
    ? plan.labels.map((_, i) => (scored ? String(result.probabilities[i]) : ''))
    : []
  const answer = scored ? [csvField(result.label), String(result.confidence)] : ['', '']
  return `${[row.line, ...kept, ...answer, ...probabilities, scored ? '' : csvField(result.code)].join(',')}\n`
}

function jsonLine(row: BatchRow, result: RowScore | RowFault, plan: OutputPlan): string {
  const line: Record<string, unknown> = { line: row.line }
  for (const [i, name] of plan.keep.entries()) line[name] = row.kept[i]
  if ('label' in result) {
    line['label'] = result.label
    line['confidence'] = result.confidence
    if (plan.probabilities)
      line['probabilities'] = Object.fromEntries(plan.labels.map((label, i) => [label, result.probabilities[i]]))
  } else line['error'] = result
  return `${JSON.stringify(line)}\n`
}
