/** A terminal that records what was written to it. */
import { Readable } from 'node:stream'
import { shown } from '../../src/cli/style.ts'
import { lines, type Terminal } from '../../src/cli/terminal.ts'

export interface MemoryTerminal extends Terminal {
  readonly out: () => string
  readonly err: () => string
}

export function memoryTerminal(
  folder: string,
  options: { stdin?: string; env?: Record<string, string>; called?: string; shows?: boolean } = {},
): MemoryTerminal {
  let out = ''
  let err = ''
  let exitCode = 0
  const signal = new AbortController().signal
  return {
    print: (text) => void (out += lines(text)),
    write: async (bytes) => void (out += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString()),
    say: (text) => void (err += lines(text)),
    draw: (cursor, text) => void (err += cursor + shown(text)),
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    asks: options.stdin === undefined,
    env: options.env ?? {},
    folder,
    called: options.called ?? 'barometer',
    shows: options.shows ?? false,
    draws: false,
    colour: false,
    columns: 100,
    stopSignal: () => signal,
    setExitCode: (code) => void (exitCode = code),
    exitCode: () => exitCode,
    flush: async () => {},
    now: Date.now,
    out: () => out,
    err: () => err,
  }
}
