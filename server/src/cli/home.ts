/** The state that a command works on: settings, database, model versions. */
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type Config, loadConfig, printableDatabase } from '../config.ts'
import { openHome, refuseFile } from '../platform/openHome.ts'
import type { Store } from '../store/store.ts'
import { OperatingError } from './failure.ts'
import type { Terminal } from './terminal.ts'

export interface HomeOptions {
  readonly home?: string
}

/** The option that all commands with state share. */
export const HOME_OPTION = [
  '--home <folder>',
  'folder of the state (default: BAROMETER_HOME, else .barometer)',
] as const

export function configOf(terminal: Terminal, options: HomeOptions): Config {
  return loadConfig(terminal.env, terminal.folder, options.home === undefined ? {} : { home: options.home })
}

/**
 * Whether something was ever kept under these settings.
 *
 * @throws Fault home_unusable where the folder of the state is a file.
 */
export function hasState(config: Config): boolean {
  refuseFile(config.home)
  return config.databaseUrl !== null || existsSync(join(config.home, 'barometer.db'))
}

/** Where the database is, for people: a path, or an address without its password. */
export function databasePlace(config: Config): string {
  return config.databaseUrl === null ? join(config.home, 'barometer.db') : printableDatabase(config.databaseUrl)
}

/** Opens the store, brings its schema up to date, and closes it after the work, whatever comes of it. */
export async function withStore<T>(config: Config, work: (store: Store) => Promise<T>): Promise<T> {
  const { openStore } = await import('../store/openStore.ts')
  openHome(config.home)
  const store = await openStore({ url: config.databaseUrl?.reveal() ?? null, home: config.home, now: Date.now })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/** For commands that only make sense where something was kept: they do not make an empty database. */
export function requireState(config: Config): void {
  if (!hasState(config))
    throw new OperatingError(
      `There is nothing in ${config.home} yet. Start the server once, train a model, or name the folder with --home.`,
    )
}

export async function withExistingStore<T>(config: Config, work: (store: Store) => Promise<T>): Promise<T> {
  requireState(config)
  return withStore(config, work)
}

export function modelsFolder(config: Config): string {
  return join(config.home, 'models')
}

/** Who an event is put down to: the account that ran the command. */
export function whoRuns(): string {
  try {
    return `cli:${userInfo().username}`
  } catch {
    return 'cli' // an account without a name, as containers have it
  }
}
