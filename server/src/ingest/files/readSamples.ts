/**
 * Telemetry out of a file: CSV, TSV or NDJSON (also .gz) of samples, as histories by node.
 *
 * A row has a node, a time, any number of metrics, and perhaps a label. In NDJSON the metrics may lie in an object
 * `metrics` of their own. Times are ISO 8601, or numbers: seconds, or from 10¹¹ on milliseconds, since 1970. A metric
 * that is empty or null was not measured. A label is 0/1, true/false, normal/anomaly; empty: unknown.
 */
import { Fault } from '../../domain/faults.ts'
import { notUtf8 } from './encoding.ts'
import { type OpenFile, openFile } from './openFile.ts'
import { type FileRow, rowsOf } from './rows.ts'
import { findSource } from './source.ts'

/** A labelled history as the models know it; this room may not import theirs, so the form is spelt out. */
export interface SampleHistory {
  readonly node: string
  readonly metrics: readonly string[]
  readonly at: Float64Array
  /** [rows, metrics] NaN where missing */
  readonly values: Float64Array
  /** [rows] 0 normal, 1 anomaly, 255 unknown */
  readonly label: Uint8Array
  readonly kind: Uint8Array
  readonly kinds: readonly string[]
}

export interface SamplesRead {
  readonly histories: readonly SampleHistory[]
  /** Whether a row is labelled an anomaly. */
  readonly labelled: boolean
  readonly rows: number
  readonly bad: number
  /** The first of them. */
  readonly badShown: readonly { readonly line: number; readonly reason: string }[]
  /** Of the file as it lies on disk. */
  readonly sha256: string
}

const limits = { rows: 5_000_000, rowBytes: 1024 * 1024, metrics: 128, nodes: 10_000, badShare: 0.01, badShown: 20 }

const names = {
  node: ['node', 'host', 'hostname', 'device', 'device_id', 'machine'],
  at: ['at', 'time', 'timestamp', 'datetime', 'ts'],
  label: ['label', 'anomaly', 'is_anomaly'],
} as const

interface Sample {
  readonly node: string
  readonly at: number
  readonly values: ReadonlyMap<string, number>
  readonly label: number
}

export async function readSamples(path: string, signal?: AbortSignal): Promise<SamplesRead> {
  const file = await openFile(await findSource(path), { signal, rowBytesMax: limits.rowBytes })
  const collected = collecting()
  for await (const row of recordsOf(file)) collected.take(row)
  const { rows, bad, badShown, nodes, metrics } = collected
  const shown = badShown.map(({ line, reason }) => `line ${line}: ${reason}`).join('\n  ')
  if (rows === 0) throw new Fault('data_broken', { say: `The data ${path} has no usable sample.\n  ${shown}` })
  if (bad / (bad + rows) >= limits.badShare)
    throw new Fault('data_broken', { say: `The data ${path} has ${bad} bad rows of ${bad + rows}.\n  ${shown}` })
  const histories = Array.from(nodes, ([node, samples]) => historyOf(node, samples, [...metrics]))
  const labelled = histories.some(({ label }) => label.includes(1))
  return { histories, labelled, rows, bad, badShown, sha256: file.sha256() }
}

function collecting() {
  const nodes = new Map<string, Sample[]>()
  const metrics = new Set<string>()
  const badShown: { line: number; reason: string }[] = []
  const state = { nodes, metrics, badShown, rows: 0, bad: 0, take }
  return state

  function take({ line, record, bad }: Raw): void {
    const sample = bad ?? sampleOf(record)
    if (typeof sample === 'string') {
      state.bad++
      if (badShown.length < limits.badShown) badShown.push({ line, reason: sample })
      return
    }
    if (++state.rows > limits.rows) throw tooMany(limits.rows, 'rows')
    const list = nodes.get(sample.node)
    if (list === undefined) nodes.set(sample.node, [sample])
    else list.push(sample)
    if (nodes.size > limits.nodes) throw tooMany(limits.nodes, 'nodes')
    for (const metric of sample.values.keys()) metrics.add(metric)
    if (metrics.size > limits.metrics) throw tooMany(limits.metrics, 'metrics')
  }
}

const tooMany = (most: number, what: string) =>
  new Fault('data_broken', { say: `The data has more than ${most} ${what}.` })

/** The sample of a record, or what is wrong with it. */
function sampleOf(record: Readonly<Record<string, unknown>>): Sample | string {
  const find = (known: readonly string[]) => known.find((name) => record[name] !== undefined)
  const [nodeName, atName, labelName] = [find(names.node), find(names.at), find(names.label)]
  if (nodeName === undefined) return `no node: none of ${names.node.join(', ')}`
  if (atName === undefined) return `no time: none of ${names.at.join(', ')}`
  const named = record[nodeName]
  if (typeof named !== 'string' && typeof named !== 'number') return 'the node has no name'
  const node = String(named).trim()
  if (node === '' || node.length > 200) return 'the node has no name, or one longer than 200 characters'
  const at = timeOf(record[atName])
  if (at === null) return `the time ${JSON.stringify(record[atName])} is neither ISO 8601 nor a number`
  const label = labelName === undefined ? UNKNOWN : labelOf(record[labelName])
  if (label === null) return 'the label is none of 0, 1, normal, anomaly'
  const inner = record.metrics
  const held = typeof inner === 'object' && inner !== null ? { ...record, ...inner } : record
  const values = new Map<string, number>()
  for (const [name, value] of Object.entries(held)) {
    if (name === nodeName || name === atName || name === labelName || name === 'metrics') continue
    if (value === null || value === undefined || value === '') continue
    const number = Number(value)
    if (Number.isNaN(number)) return `${name} is ${JSON.stringify(value)}, not a number`
    values.set(name, number)
  }
  return { node, at, values, label }
}

const UNKNOWN = 255
/** Below it a number is in seconds: as milliseconds it would be in early 1973. */
const MILLIS_FROM = 1e11

function timeOf(value: unknown): number | null {
  const number = typeof value === 'number' || (typeof value === 'string' && /^\s*\d/.test(value)) ? Number(value) : NaN
  if (Number.isFinite(number)) return number < MILLIS_FROM ? number * 1000 : number
  const parsed = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isNaN(parsed) ? null : parsed
}

function labelOf(value: unknown): number | null {
  if (value === null || value === '') return UNKNOWN
  if (value === 0 || value === false) return 0
  if (value === 1 || value === true) return 1
  if (typeof value !== 'string') return null
  const word = value.trim().toLowerCase()
  if (['0', 'false', 'normal'].includes(word)) return 0
  return ['1', 'true', 'anomaly'].includes(word) ? 1 : null
}

/** In the order of time; of two samples of one time the first counts. */
function historyOf(node: string, samples: readonly Sample[], metrics: readonly string[]): SampleHistory {
  const sorted = [...samples].sort((a, b) => a.at - b.at).filter(({ at }, i, all) => i === 0 || at > all[i - 1].at)
  const values = new Float64Array(sorted.length * metrics.length)
  for (const [row, sample] of sorted.entries())
    for (const [m, metric] of metrics.entries()) values[row * metrics.length + m] = sample.values.get(metric) ?? NaN
  return {
    node,
    metrics,
    at: Float64Array.from(sorted, ({ at }) => at),
    values,
    label: Uint8Array.from(sorted, ({ label }) => label),
    kind: new Uint8Array(sorted.length),
    kinds: [],
  }
}

interface Raw extends Pick<FileRow, 'line' | 'bad'> {
  readonly record: Readonly<Record<string, unknown>>
}

/** Of a table the columns, of JSON lines and Parquet whatever each object has. */
async function* recordsOf(file: OpenFile): AsyncGenerator<Raw> {
  const { layout, format } = file
  if (format === 'txt')
    throw new Fault('data_broken', { say: 'Plain text holds no samples; CSV, TSV and JSON lines do.' })
  for await (const block of file.blocks(layout.columns)) {
    const read = rowsOf(block, layout, layout.format === 'jsonl' ? null : layout.columns)
    if (read.undecodable > 0 && file.encoding.by === 'assumed') throw notUtf8(read.undecodable, block.bytes)
    for (const { line, values, bad } of read.rows) {
      const whole = values[0]
      const isObject = layout.format === 'jsonl' && typeof whole === 'object' && whole !== null
      const record = isObject
        ? (whole as Readonly<Record<string, unknown>>) // an object of JSON has string keys
        : Object.fromEntries(layout.columns.map((name, i) => [name, values[i]]))
      yield { line, bad, record }
    }
  }
}
