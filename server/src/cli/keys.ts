import { Command, InvalidArgumentError, Option } from 'commander'
import { createKey } from '../api/access/keys.ts'
import { parseRate } from '../api/access/rate.ts'
import { serverSecret } from '../api/access/secret.ts'
import type { ApiKey, Scope } from '../domain/apiKey.ts'
import { OperatingError } from './failure.ts'
import { configOf, HOME_OPTION, type HomeOptions, withExistingStore, withStore } from './home.ts'
import { list, span } from './options.ts'
import { moment, table } from './style.ts'
import type { Terminal } from './terminal.ts'

const SCOPES: readonly Scope[] = ['predict', 'read', 'admin']

/** `barometer keys`: who may call the API. */
export function keys(terminal: Terminal): Command {
  const command = new Command('keys').addHelpText('after', EXAMPLES)
  command.addCommand(create(terminal))
  command.addCommand(listKeys(terminal))
  command.addCommand(revoke(terminal))
  return command
}

const EXAMPLES = `
Scopes: predict (score and give feedback), read (log, models, figures), admin (change stages; includes read).
As soon as one key exists the server asks everybody for one, also on this machine.

Examples:
  $ barometer keys create --name shop --scopes predict --rate 600/min --expires 90d
  $ barometer keys list
  $ barometer keys revoke 4fXw20aQk1`

interface CreateOptions extends HomeOptions {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly rate: number | null
  readonly expires?: number
  readonly json?: boolean
}

function create(terminal: Terminal): Command {
  return new Command('create')
    .description('Make a key and show it, once')
    .requiredOption('--name <name>', 'what the key is for', keyName)
    .requiredOption('--scopes <list>', `what it may do: ${SCOPES.join(', ')}; separated by commas`, scopes)
    .addOption(
      new Option('--rate <rate>', 'most requests: 100/min, 5/s, 1000/h or none').argParser(rate).default(null, 'none'),
    )
    .option('--expires <time>', 'until when it is good: 90d, 12h (default: until it is revoked)', span)
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .action(async (options: CreateOptions) => {
      const config = configOf(terminal, options)
      const now = terminal.now()
      await withStore(config, async (store) => {
        const expiresAt = options.expires === undefined ? null : now + options.expires
        const request = { name: options.name, scopes: options.scopes, ratePerMinute: options.rate, expiresAt }
        const { shown, stored } = createKey(request, serverSecret(config.home, config.secret), now)
        await store.keys.create(stored)
        if (options.json) return terminal.print(JSON.stringify({ key: shown, ...asJson(stored) }))
        terminal.say(`The key “${stored.name}” (${stored.scopes.join(', ')}). It is shown this once, and kept nowhere:`)
        terminal.print(shown)
      })
    })
}

function listKeys(terminal: Terminal): Command {
  return new Command('list')
    .description('List the keys (never their secrets)')
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .action(async (options: HomeOptions & { readonly json?: boolean }) => {
      await withExistingStore(configOf(terminal, options), async (store) => {
        const found = await store.keys.list()
        if (options.json) return terminal.print(JSON.stringify(found.map(asJson)))
        if (found.length === 0) return terminal.say('There are no keys.')
        const now = terminal.now()
        const rows = found.map((key) => [
          key.id,
          key.name,
          key.scopes.join(', '),
          key.ratePerMinute === null ? 'no limit' : `${key.ratePerMinute}/min`,
          moment(key.createdAt),
          stateOf(key, now),
        ])
        terminal.print(table(['id', 'name', 'scopes', 'rate', 'created (UTC)', 'state'], rows, terminal.colour))
      })
    })
}

function revoke(terminal: Terminal): Command {
  return new Command('revoke')
    .description('End a key; servers follow within seconds')
    .argument('<id>', 'the id, as “barometer keys list” shows it')
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .action(async (id: string, options: HomeOptions & { readonly json?: boolean }) => {
      await withExistingStore(configOf(terminal, options), async (store) => {
        const key = await store.keys.get(id)
        if (key === null || !(await store.keys.revoke(id, terminal.now())))
          throw new OperatingError(`There is no key with the id ${id}.`)
        if (options.json) terminal.print(JSON.stringify({ id, revoked: true }))
        else terminal.say(`The key “${key.name}” (${id}) is revoked.`)
      })
    })
}

function stateOf(key: ApiKey, now: number): string {
  if (key.revokedAt !== null) return `revoked ${moment(key.revokedAt)}`
  if (key.expiresAt === null) return 'good'
  return key.expiresAt <= now ? `expired ${moment(key.expiresAt)}` : `good until ${moment(key.expiresAt)}`
}

function asJson(key: ApiKey): object {
  return {
    id: key.id,
    name: key.name,
    scopes: key.scopes,
    rate_per_minute: key.ratePerMinute,
    created_at: time(key.createdAt),
    expires_at: time(key.expiresAt),
    revoked_at: time(key.revokedAt),
  }
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

function scopes(word: string): Scope[] {
  const chosen = list(word)
  const unknown = chosen.filter((one) => !SCOPES.some((scope) => scope === one))
  if (chosen.length === 0 || unknown.length > 0)
    throw new InvalidArgumentError(
      `${unknown.length > 0 ? `There is no scope ${unknown.join(', ')}. ` : ''}Choose of: ${SCOPES.join(', ')}.`,
    )
  return SCOPES.filter((scope) => chosen.includes(scope))
}

function rate(word: string): number | null {
  try {
    return parseRate(word)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}

function keyName(word: string): string {
  if (word.trim() === '' || word.length > 100) throw new InvalidArgumentError('A name has 1 to 100 characters.')
  return word
}
