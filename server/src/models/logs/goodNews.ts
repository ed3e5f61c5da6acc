/**
 * Where a line says that trouble did not happen: `error=null`, `"failed":false`, `errors: 0`, `exit code 0`, `no errors`,
 * `0 failed`. The words there are those of trouble, so they are not left to the model of words.
 */
import type { Span } from './logLine.ts'

const trouble =
  '(?:error|err|fail|failed|failure|exception|fault|panic|crash|timeout|warn|warning|alert|critical|fatal|denied|rejected|dropped|lost)'
const troubles =
  '(?:errors?|failed|failures?|exceptions?|faults?|warnings?|alerts?|issues?|problems?|crash(?:es)?|findings?|losses)'
const nothing = '(?:null|nil|none|false|no|0|ok|undefined|<nil>|\\(null\\))'

const NEWS = new RegExp(
  [
    // A key of trouble and an empty value.
    `(?<![\\w.-])(?:[a-z_.]{0,20}${trouble}(?:s|[_ ]?(?:count|code|total|msg|message|rate)s?)?)` +
      `(?:["']?\\s?:\\s?|=)(?:${nothing}(?![\\w.:/-])|["']${nothing}?["']|\\{\\}|\\[\\])`,
    // The status that means success to every shell.
    '\\b(?:(?:exit|return|error)[ _]?(?:code|status|value)|status code|errno|rc|exit(?:ed)?(?: with)?(?: (?:code|status))?|returned)' +
      '(?:=|:? ?)0(?:/SUCCESS)?(?![\\w.:/-])',
    // None of it.
    `(?<![\\w.,-])(?:no|zero|without(?: any)?|0) (?:(?:critical|fatal|known|more|new|other|serious) ){0,2}${troubles}(?![\\w:=-])`,
  ].join('|'),
  'gi',
)

/** What every kind of good news has in it; most lines have none of it. */
const MARK =
  /(?:[=: ]|^)0(?!\d)|[=:]\s?["']?(?:[nN][uUiIoO]|[fF][aA]|[uU]n|[oO][kK]|<n|\(n|["'{[])|[nN]o |NO |[wW]ithout |[zZ]ero /

/** Of a line that repeats itself, these are enough. */
const NEWS_MAX = 16

/** Ascending and disjoint, offsets into `text`. */
export function goodNews(text: string): Span[] {
  if (!MARK.test(text)) return []
  const found: Span[] = []
  NEWS.lastIndex = 0
  for (let match = NEWS.exec(text); match !== null && found.length < NEWS_MAX; match = NEWS.exec(text))
    found.push({ start: match.index, end: match.index + match[0].length })
  return found
}
