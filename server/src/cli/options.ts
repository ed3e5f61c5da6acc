/** How words of the command line become values. A word that cannot be read is a usage error that says what could. */
import { InvalidArgumentError } from 'commander'

/** `NAME@VERSION`; the version is null where only the name is given. */
export interface Named {
  readonly model: string
  readonly version: number | null
}

export function named(word: string): Named {
  const parts = /^([a-z][a-z0-9_-]{0,62})(?:@([1-9]\d{0,8}))?$/.exec(word)
  if (parts === null) throw new InvalidArgumentError('Write NAME@VERSION, for instance sentiment@2.')
  return { model: parts[1], version: parts[2] === undefined ? null : Number(parts[2]) }
}

/** Like `named`, where the version must be said. */
export function exactly(word: string): { readonly model: string; readonly version: number } {
  const { model, version } = named(word)
  if (version === null)
    throw new InvalidArgumentError(`Which version? Write ${model}@VERSION; “barometer models list” shows them.`)
  return { model, version }
}

export function modelName(word: string): string {
  if (!/^[a-z][a-z0-9_-]{0,62}$/.test(word))
    throw new InvalidArgumentError('A name has lower-case letters, digits, - and _, and begins with a letter.')
  return word
}

export function wholeNumber(min: number, max: number): (word: string) => number {
  return (word) => {
    const n = Number(word)
    if (!/^\d+$/.test(word) || n < min || n > max)
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
    return n
  }
}

export function list(word: string): string[] {
  return word
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** `90d`, `12h`, `30m`, `2w` → milliseconds. */
export function span(word: string): number {
  const parts = /^(\d{1,6})\s*(s|m|min|h|d|w)$/.exec(word.trim())
  if (parts === null || Number(parts[1]) === 0) throw new InvalidArgumentError('Write a time like 90d, 12h, 30m or 2w.')
  return Number(parts[1]) * UNITS[parts[2]]
}
