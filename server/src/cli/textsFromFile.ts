import { chooseText } from '../ingest/files/columns.ts'
import { notUtf8 } from '../ingest/files/encoding.ts'
import { openFile } from '../ingest/files/openFile.ts'
import { rowsOf } from '../ingest/files/rows.ts'
import { findSource } from '../ingest/files/source.ts'
import { LoadRefused, TEXTS_MAX } from './load/runLoad.ts'

/**
 * Texts to send, from a file of rows or of one text a line. What comes after the first `textsMax` texts is not read, and
 * rows that are blank or have an empty text are passed over.
 *
 * @throws LoadRefused for a row that cannot be read or has no text, and for a file without a text.
 * @throws Fault data_broken for a file that cannot be read at all.
 */
export async function textsFromFile(path: string, textsMax = TEXTS_MAX): Promise<string[]> {
  const file = await openFile(await findSource(path), { isHashed: false })
  const column = chooseText(file.layout.columns, undefined)
  const texts: string[] = []
  for await (const block of file.blocks([column])) {
    const read = rowsOf(block, file.layout, [column])
    if (read.undecodable > 0 && file.encoding.by === 'assumed') throw notUtf8(read.undecodable, block.bytes)
    for (const { line, values, bad } of read.rows) {
      if (bad !== null) throw new LoadRefused(`${path}, line ${line}: ${bad}.`)
      const [text] = values
      if (typeof text !== 'string') throw new LoadRefused(`${path}, line ${line} has no text of the name “${column}”.`)
      if (text.trim() !== '') texts.push(text)
      if (texts.length === textsMax) return texts
    }
  }
  if (texts.length === 0) throw new LoadRefused(`${path} holds no text.`)
  return texts
}
