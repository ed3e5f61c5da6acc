/**
 * Reads over a large log: hour roll-ups, pages by every filter, full-text search.
 *
 *   node server/bench/store/stats10m.ts [--rows 10000000] [--home DIR] [--url postgres://…] [--keep]
 *
 * Makes the log through the journal (30 days, two models, 1 % feedback, one rare source, one rare label; seeded), or
 * takes the one that is in DIR already; then asks each question five times and prints the median and the worst.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Prediction } from '../../src/domain/prediction.ts'
import { HOUR_MS } from '../../src/domain/time.ts'
import { openStore } from '../../src/store/openStore.ts'
import type { LogFilter, Store } from '../../src/store/store.ts'
import { feedbackOf, idAt, labels, manifest, prediction } from '../../test/contracts/storeRows.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    home: { type: 'string', default: join(tmpdir(), 'barometer-stats10m') },
    url: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})
const rows = Number(values.rows)
const DAYS = 30
const UNTIL = 1_790_000_000_000
const SINCE = UNTIL - DAYS * 24 * HOUR_MS
const ROUNDS = 5
let state = 88_172_645

const fresh = values.url !== undefined || !existsSync(join(values.home, 'barometer.db'))
mkdirSync(values.home, { recursive: true })
const store = await openStore({ url: values.url ?? null, home: values.home, now: () => UNTIL })
if (fresh) await fill(store)
console.log({ rows: await store.log.count(), ...(await store.facts()) })

const day = { since: UNTIL - 24 * HOUR_MS, until: UNTIL }
const questions: Readonly<Record<string, () => Promise<number>>> = {
  'hours, all 30 days': async () => (await store.log.hours({ since: 0, until: UNTIL })).length,
  'hours, one day': async () => (await store.log.hours(day)).length,
  count: () => store.log.count(),
  'page, no filter': () => page({}),
  'page, deep cursor': async () => (await store.log.page({}, 50, (1000).toString(36))).rows.length,
  'page, task': () => page({ task: 'sentiment' }),
  'page, label': () => page({ label: 'positive' }),
  'page, rare label (1 in 100,000)': () => page({ label: 'mixed' }),
  'page, no such label': () => page({ label: 'nothing' }),
  'page, model and version': () => page({ model: 'tickets', version: 1 }),
  'page, source': () => page({ source: 'shop' }),
  'page, rare source (1 in 1,000,000)': () => page({ source: 'cellar' }),
  'page, one old hour': () => page({ since: SINCE + HOUR_MS, until: SINCE + 2 * HOUR_MS }),
  'page, confidence below 0.4': () => page({ confidenceMax: 0.4 }),
  'page, confidence that no row has': () => page({ confidenceMax: 0.1 }),
  'page, feedback correct': () => page({ feedback: 'correct' }),
  'page, feedback wrong': () => page({ feedback: 'wrong' }),
  'page, feedback wrong and rare label': () => page({ feedback: 'wrong', label: 'mixed' }),
  'page, no feedback': () => page({ feedback: 'none' }),
  'page, everywhere word': () => page({ words: 'word0' }),
  'page, rare word': () => page({ words: 'word1999' }),
  'page, phrase': () => page({ words: '"word1 word2"' }),
  'page, no such word': () => page({ words: 'nowhere' }),
  'page, word and rare label': () => page({ words: 'word5', label: 'mixed' }),
}
for (const [name, ask] of Object.entries(questions)) {
  const times: number[] = []
  let found = 0
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now()
    found = await ask()
    times.push(performance.now() - began)
  }
  times.sort((a, b) => a - b)
  console.log(
    name.padEnd(42),
    'median',
    times[2].toFixed(1).padStart(8),
    'worst',
    times[4].toFixed(1).padStart(8),
    'ms',
    found,
  )
}
await store.close()
if (!values.keep) rmSync(values.home, { recursive: true, force: true })

async function page(filter: LogFilter): Promise<number> {
  return (await store.log.page(filter, 50, null)).rows.length
}

async function fill(into: Store) {
  for (const [model, task] of [
    ['reviews', 'sentiment'],
    ['tickets', 'urgency'],
  ]) {
    const made = manifest({ model, task, labels: [...labels, 'mixed'] })
    await into.registry.register({ manifest: made, digest: model, who: 'bench', why: 'bench', at: SINCE, files: null })
  }
  const began = performance.now()
  const STEP = 4000
  for (let from = 0; from < rows; from += STEP) {
    const step = Array.from({ length: Math.min(STEP, rows - from) }, (_, i) => row(from + i))
    await into.journal.append(step)
    await into.journal.feedback(
      step.filter((_, i) => i % 100 === 0).map((one, i) => feedbackOf(one.id, { label: labels[i % 3] })),
    )
    if (from % 500_000 === 0) console.log(from, Math.round(performance.now() - began), 'ms', await into.facts())
  }
}

/** xorshift32: the same log every time. */
function random(): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) / 2 ** 32
}

function row(number: number): Prediction {
  const at = Math.floor(SINCE + (number / rows) * DAYS * 24 * HOUR_MS)
  const tickets = number % 5 === 0
  // Frequencies of words fall off as they do in language.
  const text = Array.from({ length: 14 }, () => `word${Math.floor(2000 ** random()) - 1}`).join(' ')
  return prediction({
    at,
    id: idAt(at),
    model: tickets ? 'tickets' : 'reviews',
    task: tickets ? 'urgency' : 'sentiment',
    label: number % 100_000 === 7 ? 'mixed' : labels[Math.floor(random() * 3)],
    confidence: 0.34 + 0.66 * Math.sqrt(random()),
    latencyMs: 0.2 + 3 * random() ** 4,
    source: number % 1_000_000 === 11 ? 'cellar' : random() < 0.1 ? 'shop' : null,
    text,
  })
}
