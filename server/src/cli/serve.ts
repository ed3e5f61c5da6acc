import { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { startServer } from '../main.ts'
import { exits } from './failure.ts'
import { wholeNumber } from './options.ts'
import { paint } from './style.ts'
import type { Terminal } from './terminal.ts'

interface Options {
  readonly host?: string
  readonly port?: number
  readonly home?: string
  readonly databaseUrl?: string
  readonly insecure?: boolean
}

/** `barometer serve`: runs until it is told to stop, then finishes what it accepted. */
export function serve(terminal: Terminal): Command {
  return new Command('serve')
    .option('--host <address>', 'address to listen on (default: HOST, else 127.0.0.1)')
    .option('--port <n>', 'port to listen on, 0 for a free one (default: PORT, else 8000)', wholeNumber(0, 65_535))
    .option('--home <folder>', 'folder of the state (default: BAROMETER_HOME, else .barometer)')
    .option('--database-url <url>', 'postgres://… (default: DATABASE_URL, else SQLite in the folder of the state)')
    .option('--insecure', 'listen on any address without an API key')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      const config = loadConfig(terminal.env, terminal.folder, options)
      const stop = terminal.stopSignal()
      const server = await startServer(config, stop)
      terminal.say(welcome(server.address, terminal))
      await new Promise<void>((resolve) => {
        if (stop.aborted) resolve()
        stop.addEventListener('abort', () => resolve(), { once: true })
      })
      terminal.say('Stopping: finishing what was accepted …')
      await server.stop()
      terminal.setExitCode(exits.ok)
    })
}

const EXAMPLES = `
Every setting is an environment variable or a line of barometer.json; docs/guide/operations.md lists them all.

Examples:
  $ barometer serve
  $ barometer serve --port 9000 --home /var/lib/barometer
  $ DATABASE_URL=postgres://barometer@db/barometer barometer serve --host 0.0.0.0`

function welcome(address: string, terminal: Pick<Terminal, 'draws' | 'env'>): string {
  const bold = (text: string) => paint(terminal.draws && !terminal.env['NO_COLOR'], 'bold', text)
  return `
Barometer is ready at ${bold(address)}

Three things to try:
  1. Open ${bold(address)} and type: The battery died after two days, but support was lovely
  2. curl -s ${address}/predict -H 'content-type: application/json' -d '{"text": "not bad at all"}'
  3. Read the API and try it out: ${bold(`${address}/docs`)}

Ctrl-C stops it.
`
}
