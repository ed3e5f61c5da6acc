import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { LoadRefused, TEXTS_MAX } from './runLoad.ts'

/**
 * Texts to send, from a file of one text a line, or of one JSON object with a `text` a line (.jsonl, .ndjson); .gz is
 * unpacked. Empty lines are left out, and what comes after the first `textsMax` texts is not read.
 *
 * @throws LoadRefused for a line that is no such object, and for a file without a text.
 */
export async function textsFromFile(path: string, textsMax = TEXTS_MAX): Promise<string[]> {
  const bytes = createReadStream(path)
  const packed = path.endsWith('.gz')
  const json = /\.(jsonl|ndjson)$/.test(packed ? path.slice(0, -'.gz'.length) : path)
  const texts: string[] = []
  let line = 0
  try {
    for await (const content of createInterface({ input: packed ? bytes.compose(createGunzip()) : bytes })) {
      line++
      const text = json && content.trim() !== '' ? textOf(content, `${path}, line ${line}`) : content
      if (text.trim() !== '') texts.push(text)
      if (texts.length === textsMax) break
    }
  } finally {
    bytes.destroy()
  }
  if (texts.length === 0) throw new LoadRefused(`${path} holds no text.`)
  return texts
}

function textOf(line: string, where: string): string {
  try {
    const row: unknown = JSON.parse(line)
    if (typeof row === 'object' && row !== null && 'text' in row && typeof row.text === 'string') return row.text
  } catch (cause) {
    throw new LoadRefused(`${where} is not JSON.`, { cause })
  }
  throw new LoadRefused(`${where} has no text of the name “text”.`)
}
