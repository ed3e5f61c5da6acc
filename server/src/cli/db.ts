import { Command } from 'commander'
import type { Config } from '../config.ts'
import { retain as retainStep } from '../loop/retain.ts'
import { openHome } from '../platform/openHome.ts'
import type { Database } from '../store/database.ts'
import { migrate as applyMigrations, migrationStatus } from '../store/migrations/migrate.ts'
import { openDatabase } from '../store/openStore.ts'
import { exits } from './failure.ts'
import { hint } from './hint.ts'
import {
  configOf,
  databasePlace,
  HOME_OPTION,
  type HomeOptions,
  requireState,
  withExistingStore,
  withStore,
} from './home.ts'
import { wholeNumber } from './options.ts'
import { startProgress } from './progress.ts'
import { bytes, count, counted, moment, table } from './style.ts'
import type { Terminal } from './terminal.ts'

interface Options extends HomeOptions {
  readonly json?: boolean
}

/** `barometer db`: the database of the log, the registry and the keys. */
export function db(terminal: Terminal): Command {
  const command = new Command('db').addHelpText('after', EXAMPLES)
  for (const sub of [migrate, status, retain, check]) command.addCommand(sub(terminal))
  return command
}

const EXAMPLES = `
The server migrates by itself when it starts; \`migrate\` is for those who want it done before.

Examples:
  $ barometer db status
  $ DATABASE_URL=postgres://barometer@db/barometer barometer db migrate
  $ barometer db retain --days 90
  $ barometer db check`

function shared(command: Command): Command {
  return command.option(...HOME_OPTION).option('--json', 'as JSON')
}

function migrate(terminal: Terminal): Command {
  return shared(new Command('migrate').description('Bring the schema up to date')).action(async (options: Options) => {
    const applied = await withDatabase(configOf(terminal, options), (database) =>
      applyMigrations(database, terminal.now),
    )
    if (options.json)
      return terminal.print(JSON.stringify({ applied: applied.map(({ number, name }) => ({ number, name })) }))
    if (applied.length === 0) return terminal.say('The schema is up to date.')
    for (const { number, name } of applied) terminal.print(`applied ${number}: ${name}`)
  })
}

function status(terminal: Terminal): Command {
  return shared(new Command('status').description('Where it is, how large, which migrations it has')).action(
    async (options: Options) => {
      const config = configOf(terminal, options)
      requireState(config)
      const migrations = await withDatabase(config, (database) => migrationStatus(database))
      const waiting = migrations.filter((one) => one.at === null)
      const facts =
        waiting.length > 0
          ? null
          : await withStore(config, async (store) => ({ rows: await store.log.count(), ...(await store.facts()) }))
      const where = databasePlace(config)
      if (options.json) return terminal.print(JSON.stringify({ where, migrations, facts }))
      terminal.print(`${where}\n`)
      const rows = migrations.map((one) => [String(one.number), one.name, one.at === null ? 'waits' : moment(one.at)])
      terminal.print(table(['migration', 'name', 'applied (UTC)'], rows, terminal.colour))
      if (facts === null)
        return terminal.say(`The schema is not up to date: ${hint(terminal, ['db', 'migrate'], options)}`)
      terminal.print('')
      for (const [name, value] of Object.entries(facts)) terminal.print(`${name.padEnd(24)}${factWords(name, value)}`)
    },
  )
}

interface RetainOptions extends Options {
  readonly rows?: number
  readonly days?: number
}

function retain(terminal: Terminal): Command {
  const command = new Command('retain')
    .description('Remove what the log need not keep any more, in small steps; stopping it is safe')
    .option(
      '--rows <n>',
      'keep the newest n predictions (default: RETAIN_ROWS)',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .option('--days <n>', 'keep n days (default: RETAIN_DAYS); 0 for no limit', wholeNumber(0, 36_500))
  return shared(command).action(async (options: RetainOptions) => {
    const config = configOf(terminal, options)
    const limits = { retainRows: options.rows ?? config.retainRows, retainDays: options.days ?? config.retainDays }
    const stop = terminal.stopSignal()
    const progress = startProgress(terminal, 'Removing')
    const removed = await withExistingStore(config, async (store) => {
      let total = 0
      for (;;) {
        const gone = await retainStep(limits, terminal.now(), store.log)
        total += gone
        if (gone === 0 || stop.aborted) return total
        progress.update(null, counted(total, 'prediction'))
      }
    })
    progress.end()
    if (options.json) terminal.print(JSON.stringify({ removed, finished: !stop.aborted }))
    else terminal.print(`${counted(removed, 'prediction')} removed${stop.aborted ? ' before it was stopped' : ''}`)
    if (stop.aborted) terminal.setExitCode(exits.interrupted)
  })
}

function check(terminal: Terminal): Command {
  return shared(
    new Command('check').description('Write and read back, and look for damage in the whole database'),
  ).action(async (options: Options) => {
    const config = configOf(terminal, options)
    const began = performance.now()
    const { dialect, damage } = await withStore(config, async (store) => {
      await store.check()
      return { dialect: store.dialect, damage: await store.integrity() }
    })
    const ms = Math.round(performance.now() - began)
    if (damage.length > 0) {
      if (options.json) terminal.print(JSON.stringify({ ok: false, dialect, ms, damage }))
      else for (const finding of damage) terminal.print(finding)
      terminal.setExitCode(exits.failed)
      return terminal.say('The database is damaged: restore a backup.')
    }
    terminal.print(
      options.json
        ? JSON.stringify({ ok: true, dialect, ms, damage })
        : `ok: ${dialect} answers, writes and is whole (${ms} ms)`,
    )
  })
}

/** The database as it is, for what must come before the schema is up to date. */
async function withDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  openHome(config.home)
  const database = await openDatabase({ url: config.databaseUrl?.reveal() ?? null, home: config.home, now: Date.now })
  try {
    return await work(database)
  } catch (error) {
    throw database.toFault(error)
  } finally {
    await database.close()
  }
}

function factWords(name: string, value: string | number): string {
  if (typeof value === 'string') return value
  return /bytes/i.test(name) ? bytes(value) : count(value)
}
