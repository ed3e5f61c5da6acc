/** Which column holds the text and which the label. */
import { Fault } from '../../domain/faults.ts'

export interface Columns {
  readonly text: string
  readonly label: string
}

export interface ColumnWishes {
  readonly text?: string | undefined
  readonly label?: string | undefined
}

/** Names that people and public data sets give to the two columns. The first of each list leaves no doubt, whatever else there is. */
export const TEXT_NAMES = [
  'text',
  'sentence',
  'review',
  'tweet',
  'message',
  'comment',
  'content',
  'body',
  'document',
  'utterance',
  'headline',
  'title',
  'log',
  'line',
]
const LABEL_NAMES = [
  'label',
  'sentiment',
  'class',
  'category',
  'target',
  'severity',
  'level',
  'polarity',
  'intent',
  'topic',
  'rating',
  'stars',
  'score',
  'y',
]

/** What the columns are called where a file has nothing that could name them. */
const NO_COLUMNS: Columns = { text: 'text', label: 'label' }

/**
 * Chooses the columns. A wish must exist. Without one the column is chosen only where there is no doubt: it is
 * called `text` or `label`, or one name of the list occurs, or two columns exist and the other one is known.
 * Otherwise a fault names the columns.
 */
export function chooseColumns(names: readonly string[], wishes: ColumnWishes): Columns {
  if (names.length === 0) return { text: wishes.text ?? NO_COLUMNS.text, label: wishes.label ?? NO_COLUMNS.label }
  const wished = { text: find(names, wishes.text, 'text'), label: find(names, wishes.label, 'label') }
  const text = wished.text ?? only(names, TEXT_NAMES, wished.label)
  const label = wished.label ?? only(names, LABEL_NAMES, text)
  const other = (taken: string) => (names.length === 2 ? names.find((name) => name !== taken) : undefined)
  const chosen = { text: text ?? (label && other(label)), label: label ?? (text && other(text)) }
  if (!chosen.text) throw unclear('text', names)
  if (!chosen.label) throw unclear('label', names)
  if (chosen.text === chosen.label)
    throw new Fault('data_broken', { say: `The column “${chosen.text}” cannot be both the text and the label.` })
  return { text: chosen.text, label: chosen.label }
}

/**
 * The column of the text, where labels are not looked at: the only one that there is, or the first of the known names
 * that occurs.
 */
export function chooseText(names: readonly string[], wish: string | undefined): string {
  if (names.length === 0) return wish ?? NO_COLUMNS.text
  const wished = find(names, wish, 'text')
  if (wished !== undefined) return wished
  if (names.length === 1) return names[0]
  const certain = only(names, TEXT_NAMES, undefined)
  const known = certain ?? TEXT_NAMES.find((name) => names.filter((one) => plain(one) === name).length === 1)
  const text =
    known === undefined ? undefined : (names.find((one) => one === known) ?? names.find((one) => plain(one) === known))
  if (text === undefined) throw unclear('text', names)
  return text
}

/** A column that a person named. `a.b` also names the key `b` of the object `a`, where rows are JSON. */
export function findColumn(names: readonly string[], wish: string, what: string): string {
  const same = names.filter((name) => name === wish)
  if (same.length > 1)
    throw new Fault('data_broken', {
      say: `The data has ${same.length} columns “${wish}”: which one is meant? Give them different names, or read it with --no-header and name the column by its number.`,
    })
  const dot = wish.indexOf('.')
  if (same.length === 1 || (dot > 0 && names.includes(wish.slice(0, dot)))) return wish
  throw new Fault('data_broken', { say: `The data has no ${what} column “${wish}”; it has ${list(names)}.` })
}

function find(names: readonly string[], wish: string | undefined, what: string): string | undefined {
  return wish === undefined ? undefined : findColumn(names, wish, what)
}

/** The column that bears the first of the known names, or the only one that bears any; undefined where there is doubt. */
function only(names: readonly string[], known: readonly string[], taken: string | undefined): string | undefined {
  const free = names.filter((name) => name !== taken)
  const sure = free.filter((name) => plain(name) === known[0])
  if (sure.length === 1) return sure[0]
  const found = free.filter((name) => known.includes(plain(name)))
  if (found.length === 1) return found[0]
  // “review” beside “Review”: the one that is spelt as known.
  const exact = found.filter((name) => known.includes(name))
  return exact.length === 1 && found.every((name) => plain(name) === exact[0]) ? exact[0] : undefined
}

function plain(name: string): string {
  return name.trim().toLowerCase()
}

function unclear(what: string, names: readonly string[]): Fault {
  return new Fault('data_broken', {
    say: `Which column is the ${what}? Name it with --${what}-column; the data has ${list(names)}.`,
  })
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => `“${name}”`)
  return shown.join(', ') + (names.length > shown.length ? ` and ${names.length - shown.length} more` : '')
}
