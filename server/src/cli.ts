/**
 * The `barometer` command. Each subcommand is a file of its own in cli/, loaded only when it is the one that is asked
 * for, so that `barometer serve` starts with nothing but what serving needs.
 */
import { Command, CommanderError } from 'commander'
import { exits, explainFailure } from './cli/failure.ts'
import { asCalled } from './cli/hint.ts'
import { processTerminal, type Terminal } from './cli/terminal.ts'

interface Entry {
  readonly about: string
  readonly load: () => Promise<(terminal: Terminal) => Command>
}

const commands: Readonly<Record<string, Entry>> = {
  serve: { about: 'Start the server', load: async () => (await import('./cli/serve.ts')).serve },
  predict: {
    about: 'Score texts or a file, here or through a server',
    load: async () => (await import('./cli/predict.ts')).predict,
  },
  train: { about: 'Make a model version from labelled data', load: async () => (await import('./cli/train.ts')).train },
  pull: {
    about: 'Bring a text classifier from the Hugging Face Hub, or an export of one',
    load: async () => (await import('./cli/pull.ts')).pull,
  },
  runs: {
    about: 'List, show and cancel training runs',
    load: async () => (await import('./cli/runs.ts')).runs,
  },
  evaluate: {
    about: 'Measure a model version on labelled data',
    load: async () => (await import('./cli/evaluate.ts')).evaluate,
  },
  quantize: {
    about: 'Make a transformer smaller and faster, and measure what that costs',
    load: async () => (await import('./cli/quantize.ts')).quantize,
  },
  models: {
    about: 'List, show, promote, archive, roll back and verify versions',
    load: async () => (await import('./cli/models.ts')).models,
  },
  keys: { about: 'Create, list and revoke API keys', load: async () => (await import('./cli/keys.ts')).keys },
  db: { about: 'Migrate, inspect, check and trim the database', load: async () => (await import('./cli/db.ts')).db },
  status: { about: 'Ask a running server how it is', load: async () => (await import('./cli/status.ts')).status },
  load: {
    about: 'Send many requests to a server and measure its answers',
    load: async () => (await import('./cli/load.ts')).load,
  },
}

const MANUAL = `
Exit codes:
  ${exits.ok}    all is well
  ${exits.failed}    it could not be done, or not wholly; the message says why
  ${exits.usage}    the command line or a setting is wrong
  ${exits.warning}    status: a figure is in its warning range
  ${exits.critical}    status: a figure is critical
  ${exits.interrupted}  stopped by Ctrl-C

Results go to stdout, all else to stderr. NO_COLOR is honoured. Settings (BAROMETER_HOME, DATABASE_URL, PORT, …)
come from the environment or barometer.json; docs/guide/operations.md lists them.

Examples:
  $ barometer predict "The battery died after two days, but support was lovely"
  $ barometer predict --file reviews.csv --text-column review > scored.csv
  $ barometer train --data tickets.csv --text-column body --label-column team --name team --promote
  $ barometer models list
  $ barometer status`

/** Runs one command line (without `node` and the script) to its end. @returns the exit code. */
export async function cli(args: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  try {
    const program = await programFor(wordsOf(args), terminal)
    await program.parseAsync(wordsOf(args), { from: 'user' })
    return terminal.exitCode()
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exits.ok : exits.usage // it has said why already
    const { words, code } = explainFailure(error)
    if (words !== '') terminal.say(asCalled(words, terminal))
    return code
  } finally {
    await terminal.flush()
  }
}

/** `barometer help predict` is `barometer predict --help`. */
function wordsOf(args: readonly string[]): string[] {
  return args[0] === 'help' && args[1] !== undefined ? [...args.slice(1), '--help'] : [...args]
}

async function programFor(args: readonly string[], terminal: Terminal): Promise<Command> {
  const program = withOutput(new Command('barometer'), terminal)
    .description('Reads the mood of what people write and of what machines report, and watches its own models.')
    .usage('COMMAND [options]')
    .helpCommand('help [COMMAND]', 'say more about a command')
    .addHelpText('after', MANUAL)
  if (args[0] === '--version' || args[0] === '-V')
    program.version((await import('./cli/version.ts')).version, '-V, --version')
  else program.option('-V, --version', 'say the version')
  const asked = args[0] !== undefined && Object.hasOwn(commands, args[0]) ? args[0] : null
  for (const [name, entry] of Object.entries(commands)) {
    if (asked === null) program.command(name).description(entry.about).allowUnknownOption().allowExcessArguments()
    else if (name === asked)
      program.addCommand(inherit((await entry.load())(terminal).description(entry.about), terminal))
  }
  // Without a command there is nothing to do, which is a usage error, but one that is best answered by the manual.
  if (args.length === 0) program.action(() => program.help({ error: true }))
  return program
}

/** Commander ends the process and writes to it by itself; here both go through the terminal, also for subcommands. */
function inherit(command: Command, terminal: Terminal): Command {
  for (const sub of command.commands) inherit(sub, terminal)
  return withOutput(command, terminal)
}

function withOutput(command: Command, terminal: Terminal): Command {
  return command
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .configureOutput({
      writeOut: (text) => terminal.print(asCalled(text, terminal)),
      writeErr: (text) => terminal.say(asCalled(text, terminal)),
      outputError: (text, write) => write(`barometer: ${text.replace(/^error: /, '')}`),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
      getOutHasColors: () => terminal.colour,
      getErrHasColors: () => terminal.colour,
    })
}
