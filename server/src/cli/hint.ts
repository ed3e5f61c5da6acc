/** Commands that a person can copy: as they call Barometer, on the same state, each word as a shell takes it. */
import { basename, delimiter, dirname, isAbsolute, join, relative } from 'node:path'
import type { HomeOptions } from './home.ts'
import type { Terminal } from './terminal.ts'

/** @param words of the command, without `barometer`; the folder of the state is added where it was named. */
export function hint(
  terminal: Pick<Terminal, 'called'>,
  words: readonly string[],
  { home }: Pick<HomeOptions, 'home'> = {},
): string {
  return [terminal.called, ...[...words, ...(home === undefined ? [] : ['--home', home])].map(shellWord)].join(' ')
}

/** A word as a POSIX shell takes it: bare where it can be, else in single quotes. */
export function shellWord(word: string): string {
  return /^[\p{L}\p{N}_@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** A folder so that it is never taken for the name of a model or for an option: `topic` → `./topic`. */
export function folderWord(folder: string): string {
  const plain = join(folder)
  return isAbsolute(plain) || /^\.\.?(?:[/\\]|$)/.test(plain) ? plain : `./${plain}`
}

/**
 * How the command was called, from the script that runs: `npx barometer` under npm, whose path the person's own shell does
 * not have; `barometer` where that is on the path; else the script.
 */
export function calledAs(script: string, env: Readonly<Record<string, string | undefined>>, folder: string): string {
  if (env['npm_command'] !== undefined) return 'npx barometer'
  const folders = (env['PATH'] ?? '').split(delimiter)
  if (basename(script) === 'barometer' && folders.includes(dirname(script))) return 'barometer'
  const near = relative(folder, script)
  return shellWord(near.startsWith('..') || isAbsolute(near) ? script : folderWord(near))
}

const COMMAND =
  /(?<![\w@./:-])barometer (?=(?:serve|predict|train|pull|runs|evaluate|quantize|models|keys|db|status|load|help)(?![\w-]))/g

/** Our own words (help, messages) with the commands in them as the person calls them. */
export function asCalled(text: string, { called }: Pick<Terminal, 'called'>): string {
  return text.replace(COMMAND, () => `${called} `)
}
