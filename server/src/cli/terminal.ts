/** What a command sees of the world outside: three streams, the environment, the folder, the clock, Ctrl-C. */
import type { Readable, Writable } from 'node:stream'
import { isatty } from 'node:tty'
import { calledAs } from './hint.ts'
import { shown } from './style.ts'

export interface Terminal {
  /** Results, to stdout. */
  print(text: string): void
  /** Results in bulk, in whole lines: resolves when stdout takes more, so that a slow reader slows the writer. */
  readonly write: (bytes: Uint8Array | string) => Promise<void>
  /** Everything that is not the result, to stderr; a line end is added where there is none. */
  say(text: string): void
  /** Like `say`, but without a line end, and behind what moves the cursor: for a line that is drawn over. */
  draw(cursor: string, text: string): void
  readonly stdin: Readable
  /** Whether stdin is a person. */
  readonly asks: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly folder: string
  /** What a person types to start the command: `barometer`, `npx barometer`, a path. */
  readonly called: string
  /** True where stderr is a person's terminal: progress is drawn there, and told line by line elsewhere. */
  readonly draws: boolean
  /** Whether stdout is a person's terminal. */
  readonly shows: boolean
  /** Whether the results may be coloured. */
  readonly colour: boolean
  readonly columns: number
  /** Fires at the first Ctrl-C or SIGTERM, once a command has asked for it; the second one ends the process. */
  stopSignal(): AbortSignal
  /** What the command line ends with if nothing fails. */
  setExitCode(code: number): void
  exitCode(): number
  /** Resolves when all that was printed has left. */
  flush(): Promise<void>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Whole lines, as they are written. */
export function lines(text: string): string {
  return shown(text.endsWith('\n') ? text : `${text}\n`)
}

/** Bulk comes in whole lines, so no character is cut. */
function shownBytes(bytes: Uint8Array | string): Uint8Array | string {
  const text =
    typeof bytes === 'string' ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  return shown(text)
}

/** Under npm one Ctrl-C arrives twice: from the terminal, and passed on by npm. A person is not as quick. */
const ECHO_MS = 300

/** The terminal that the process was started from. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process
  let exitCode = 0
  let stop: AbortController | null = null
  // `barometer … | head` closes the pipe when it has enough: an end like any other.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCode)
    throw error
  })
  return {
    print: (text) => void stdout.write(lines(text)),
    write: (bytes) => written(stdout, isatty(1) ? shownBytes(bytes) : bytes),
    say: (text) => void stderr.write(lines(text)),
    draw: (before, text) => void stderr.write(before + shown(text)),
    stdin,
    asks: isatty(0),
    env,
    folder: process.cwd(),
    called: calledAs(process.argv[1] ?? '', env, process.cwd()),
    shows: isatty(1),
    draws: isatty(2) && env['TERM'] !== 'dumb',
    colour: isatty(1) && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    columns: Math.min((isatty(2) ? stderr.columns : stdout.columns) || 100, 120),
    stopSignal() {
      if (stop === null) {
        stop = new AbortController()
        const { signal } = stop
        let abortedAt = 0
        const abort = () => {
          if (!signal.aborted) {
            abortedAt = Date.now()
            stop?.abort()
          } else if (Date.now() - abortedAt > ECHO_MS) process.exit(130)
        }
        process.on('SIGINT', abort)
        process.on('SIGTERM', abort)
      }
      return stop.signal
    },
    setExitCode(code) {
      exitCode = code
    },
    exitCode: () => exitCode,
    flush: async () => {
      await written(stdout, '')
      await written(stderr, '')
    },
    now: Date.now,
  }
}

function written(stream: Writable, bytes: Uint8Array | string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(bytes, () => resolve())
  })
}
