/** The options of every command that reads a file of rows. */
import { InvalidArgumentError, Option } from 'commander'
import { encodingName } from '../ingest/files/encoding.ts'
import { FORMATS } from '../ingest/files/layout.ts'

export const ENCODING_OPTION = [
  '--encoding <name>',
  'of the file: windows-1252, utf-16le, shift_jis … (default: its byte order mark, or else UTF-8)',
  encoding,
] as const

export const HEADER_OPTION = ['--no-header', 'the first line is a row already; columns are called 1, 2, 3 …'] as const

export function formatOption(): Option {
  return new Option('--format <format>', "of the file, where its name's ending does not tell").choices([...FORMATS])
}

function encoding(word: string): string {
  try {
    return encodingName(word)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}
