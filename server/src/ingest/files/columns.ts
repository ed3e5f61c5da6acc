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

/**
 * Chooses the columns. A wish must exist. Without one the column is chosen only where there is no doubt: it is
 * called `text` or `label`, or one name of the list occurs, or two columns exist and the other one is known.
 * Otherwise a fault names the columns.
 */
export function chooseColumns(names: readonly string[], wishes: ColumnWishes): Columns {
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

/** The column of the text, where labels are not looked at: as above, or the only one that there is. */
export function chooseText(names: readonly string[], wish: string | undefined): string {
  const text = find(names, wish, 'text') ?? (names.length === 1 ? names[0] : only(names, TEXT_NAMES, undefined))
  if (text === undefined) throw unclear('text', names)
  return text
}

function find(names: readonly string[], wish: string | undefined, what: string): string | undefined {
  if (wish === undefined) return undefined
  if (names.includes(wish)) return wish
  throw new Fault('data_broken', { say: `The data has no ${what} column “${wish}”; it has ${list(names)}.` })
}

/** The column that bears the first of the known names, or the only one that bears any; undefined where there is doubt. */
function only(names: readonly string[], known: readonly string[], taken: string | undefined): string | undefined {
  const free = names.filter((name) => name !== taken)
  const sure = free.filter((name) => plain(name) === known[0])
  if (sure.length === 1) return sure[0]
  const found = free.filter((name) => known.includes(plain(name)))
  return found.length === 1 ? found[0] : undefined
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
