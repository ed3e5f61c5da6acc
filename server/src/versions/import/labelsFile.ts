/** The user's file that says what a model's labels mean. */
import { readFile } from 'node:fs/promises'
import { Fault } from '../../domain/faults.ts'

/** `{"LABEL_0": "negative", "LABEL_1": "positive"}`; null where no file is named. */
export async function readLabelsFile(path: string | null): Promise<Readonly<Record<string, string>> | null> {
  if (path === null) return null
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new Fault('data_broken', { say: `${path} is not valid JSON.`, cause })
    throw new Fault('data_broken', { say: `The file of labels ${path} cannot be read: ${reason(cause)}.`, cause })
  }
  if (!isMap(value))
    throw new Fault('data_broken', {
      say: `${path} must hold one JSON object from the model's labels to yours, for instance {"LABEL_0": "negative"}.`,
    })
  return value
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
}

function reason(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause))
}

function isMap(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const names = Object.values(value)
  return names.length > 0 && names.every((name) => typeof name === 'string' && name.trim() !== '' && name.length <= 200)
}
