/** What the Live page is asked to show: the same filter for the log (by query) and for the stream (here). */
import type { Row } from './row.ts'

export const bands = ['any', 'low', 'middle', 'high'] as const
/** Confidence below 60 %, 60 to 80 %, from 80 %: the bounds of the health snapshot. */
export type Band = (typeof bands)[number]

export const judgements = ['all', 'any', 'none', 'correct', 'wrong'] as const
/** By feedback: all rows, those with some, those without, and by whether the model was right. */
export type Judgement = (typeof judgements)[number]

export interface Filter {
  readonly task: string
  readonly label: string
  readonly source: string
  readonly q: string
  readonly band: Band
  readonly judged: Judgement
}

export const noFilter: Filter = { task: '', label: '', source: '', q: '', band: 'any', judged: 'all' }

const BOUNDS: Readonly<Record<Band, readonly [number, number]>> = {
  any: [0, 1],
  low: [0, 0.6],
  middle: [0.6, 0.8],
  high: [0.8, 1],
}

export function filterOf(query: Readonly<Record<string, string>>): Filter {
  return {
    task: query['task'] ?? '',
    label: query['label'] ?? '',
    source: query['source'] ?? '',
    q: query['q'] ?? '',
    band: bands.find((band) => band === query['band']) ?? 'any',
    judged: judgements.find((judged) => judged === query['judged']) ?? 'all',
  }
}

/** The part of the page's address that says the filter; what is not asked for is left out. */
export function queryOf(filter: Filter): Record<string, string> {
  return Object.fromEntries(Object.entries(filter).filter(([name, value]) => value !== noFilter[name as keyof Filter]))
}

/** The filter as GET /predictions takes it. */
export function search(filter: Filter, limit: number, cursor?: string): URLSearchParams {
  const [low, high] = BOUNDS[filter.band]
  const query = new URLSearchParams({ limit: String(limit) })
  if (filter.task) query.set('task', filter.task)
  if (filter.label) query.set('label', filter.label)
  if (filter.source.trim()) query.set('source', filter.source.trim())
  if (filter.q.trim()) query.set('q', filter.q.trim())
  if (low > 0) query.set('confidence_min', String(low))
  if (high < 1) query.set('confidence_max', String(high))
  if (filter.judged !== 'all') query.set('feedback', filter.judged)
  if (cursor) query.set('cursor', cursor)
  return query
}

/** Whether a row that just arrived belongs to what is shown. The text search is by words and phrases, as in the log. */
export function passes(row: Row, filter: Filter): boolean {
  const [low, high] = BOUNDS[filter.band]
  return (
    (!filter.task || row.task === filter.task) &&
    (!filter.label || row.label === filter.label) &&
    (!filter.source.trim() || row.source === filter.source.trim()) &&
    row.confidence >= low &&
    row.confidence <= high &&
    judgedAs(row, filter.judged) &&
    holdsWords(row.text ?? '', filter.q)
  )
}

function judgedAs(row: Row, judged: Judgement): boolean {
  switch (judged) {
    case 'all':
      return true
    case 'any':
      return row.feedback !== null
    case 'none':
      return row.feedback === null
    case 'correct':
      return row.feedback?.correct === true
    case 'wrong':
      return row.feedback?.correct === false
    default:
      throw judged satisfies never
  }
}

/** All the words of the search, in any order; what stands in double quotes as a phrase. Case does not matter. */
function holdsWords(text: string, q: string): boolean {
  const words = wordsOf(text)
  const line = ` ${words.join(' ')} `
  const wanted = [...q.matchAll(/"([^"]*)"|[^\s"]+/g)].map((match) => wordsOf(match[1] ?? match[0]).join(' '))
  return wanted.every((phrase) => phrase === '' || line.includes(` ${phrase} `))
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
}
