/**
 * The public data sets of logs, each with its traps handled in one place. `place` is the folder that
 * holds them, one folder a set; what each one is, its licence and its origin is in its README.txt.
 */
import { join } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import { openFile } from './openFile.ts'
import { rowsOf } from './rows.ts'
import { findSource } from './source.ts'

export interface PublicRow {
  readonly text: string
  readonly label: string
  /** What must not be split between training and test: a facility, a system. */
  readonly group: string
}

export interface DeviceMessage extends PublicRow {
  readonly vendor: string
  readonly facility: string
  readonly mnemonic: string
  /** What the vendor's manual says that the message means; often empty. */
  readonly description: string
  /** 0 emergency … 7 debug, as the vendor gave it. */
  readonly severity: number
}

/**
 * Message templates of Cisco, Huawei and H3C devices with the vendor's severity: 0–3 critical, 4 warning, 5–7 info.
 * The message has lost its header, which states the severity. group = vendor and facility. 623 texts occur with more
 * than one severity.
 */
export async function readDeviceMessages(place: string): Promise<DeviceMessage[]> {
  return collect(join(place, 'network_device_log_severity', 'templates.jsonl.gz'), (line) => {
    const { vendor, facility, severity, mnemonic, message, description } = parseObject(line)
    const level = Number(severity)
    return {
      text: String(message),
      label: level <= 3 ? 'critical' : level === 4 ? 'warning' : 'info',
      group: `${String(vendor)}/${String(facility)}`,
      vendor: String(vendor),
      facility: String(facility),
      mnemonic: String(mnemonic),
      description: typeof description === 'string' ? description : '',
      severity: level,
    }
  })
}

/** The systems of loghub whose Level column is a severity. Linux has a column of that name that holds the host. */
export const loghubSystems = [
  'Android',
  'Apache',
  'BGL',
  'HDFS',
  'Hadoop',
  'OpenStack',
  'Spark',
  'Windows',
  'Zookeeper',
] as const

const loghubLevels: Readonly<Record<string, string>> = {
  FATAL: 'critical',
  SEVERE: 'critical',
  ERROR: 'critical',
  E: 'critical',
  FAILURE: 'critical',
  WARN: 'warning',
  WARNING: 'warning',
  W: 'warning',
  INFO: 'info',
  NOTICE: 'info',
  DEBUG: 'info',
  I: 'info',
  D: 'info',
  V: 'info',
}

export interface LoghubLine extends PublicRow {
  /** The whole line, its stated level and all; `text` is the message alone, which does not state it. */
  readonly raw: string
  readonly system: string
  readonly template: string
}

/**
 * 2,000 lines of one system of loghub (research and academic use only) with the level that the line states:
 * FATAL, SEVERE, ERROR → critical; WARN → warning; INFO, NOTICE, DEBUG, VERBOSE → info. group = system.
 */
export async function readLoghub(place: string, system: (typeof loghubSystems)[number]): Promise<LoghubLine[]> {
  const folder = join(place, 'loghub_2k')
  const raw = await collect(join(folder, `${system}_2k.log.gz`), (line) => line)
  const rows: LoghubLine[] = []
  const table = await openFile(await findSource(join(folder, `${system}_2k.log_structured.csv.gz`)))
  const wanted = ['LineId', 'Level', 'Content', 'EventTemplate']
  for await (const block of table.blocks(wanted))
    for (const { line, values, bad } of rowsOf(block, table.layout, wanted).rows) {
      if (bad !== null) refuse(folder, `line ${line}: ${bad}`)
      const [id, level, text, template] = values.map(String)
      const label = loghubLevels[level.toUpperCase()] ?? refuse(folder, `${system} has the level “${level}”`)
      const whole = raw[Number(id) - 1] ?? refuse(folder, `${system} has no line ${id}`)
      rows.push({ text, label, group: system, raw: whole, system, template })
    }
  return rows
}

async function collect<T>(path: string, read: (line: string) => T): Promise<T[]> {
  const rows: T[] = []
  const file = await openFile(await findSource(path), { format: 'txt', encoding: 'utf-8' })
  for await (const block of file.blocks(['text']))
    for (const { line, values, bad } of rowsOf(block, file.layout, ['text']).rows) {
      if (bad !== null) refuse(path, `line ${line} is ${bad}`)
      rows.push(read(String(values[0])))
    }
  return rows
}

function parseObject(line: string): Readonly<Record<string, unknown>> {
  return JSON.parse(line) as Record<string, unknown> // These files are ours: one object a line.
}

function refuse(path: string, why: string): never {
  throw new Fault('data_broken', { say: `The public data in ${path} is not what it was: ${why}.` })
}
