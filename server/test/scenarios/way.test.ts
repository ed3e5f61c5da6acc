/** The whole way of a text through a running server, on both databases: score → log → see. */
import { join } from 'node:path'
import type {
  ExplainAnswer,
  FeedbackAnswer,
  LoggedPrediction,
  ModelBody,
  ModelsAnswer,
  PredictAnswer,
  PredictBatchAnswer,
  PredictionsPage,
  StageEventsAnswer,
  StatsAnswer,
} from '@barometer/wire'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { register } from '../../src/loop/register.ts'
import { openStore } from '../../src/store/openStore.ts'
import { makeArtifact } from '../../src/versions/artifacts/artifact.ts'
import { verifyArtifact } from '../../src/versions/artifacts/folder.ts'
import { databases } from '../databases.ts'
import { openAtOnce } from '../openAtOnce.ts'
import { type Served, serve } from '../serve.ts'

const battery = 'The battery died after two days, but support was lovely'
const starter = new URL('../../../starter/sentiment', import.meta.url).pathname

describe.each(databases)('on $name', (database) => {
  let server: Served
  beforeAll(async () => {
    server = await serve({ databaseUrl: await database.fresh() })
  })
  afterAll(async () => {
    await server.end()
    await database.end()
  })

  test('a text comes in, a durable, explained prediction goes out', async () => {
    const { status, body } = await server.call<PredictAnswer>('POST', '/predict', {
      text: battery,
      return_probabilities: true,
      explain: true,
      source: 'shop',
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({ task: 'sentiment', model: 'sentiment', version: 1, drift: { drift: false } })
    expect(body.sentiment).toBe(body.label)
    const probabilities = body.probabilities ?? {}
    expect(Object.values(probabilities).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
    expect(probabilities[body.label]).toBe(body.confidence)

    const { explanation } = body
    expect(explanation).toBeDefined()
    explanation?.logits.forEach((logit, k) => {
      const sum = explanation.spans.reduce((total, span) => total + span.contributions[k], explanation.bias[k])
      expect(sum).toBeCloseTo(logit, 8)
    })
    for (const span of explanation?.spans ?? []) expect(battery.slice(span.start, span.end)).toBe(span.text)

    const logged = await server.call<LoggedPrediction>('GET', `/predictions/${body.id}`)
    expect(logged.body).toMatchObject({
      id: body.id,
      label: body.label,
      confidence: body.confidence,
      probabilities,
      text: battery,
      source: 'shop',
      feedback: null,
    })
  })

  test('a batch is answered in order, with a fault in the place of what could not be scored', async () => {
    const texts = ['lovely', '', 'awful', 'x'.repeat(20_001), 'awful']
    const { body } = await server.call<PredictBatchAnswer>('POST', '/predict/batch', {
      texts,
      return_probabilities: true,
    })
    expect(body.predictions.map((one) => ('error' in one ? one.error.code : one.label))).toEqual([
      'positive',
      'empty_text',
      'negative',
      'text_too_long',
      'negative',
    ])
    const [, , first, , second] = body.predictions
    expect(second).toMatchObject({ probabilities: 'probabilities' in first ? first.probabilities : {} })
    const single = await server.call<PredictAnswer>('POST', '/predict', { text: 'awful', return_probabilities: true })
    expect(single.body.probabilities).toEqual('probabilities' in first ? first.probabilities : {})
  })

  test('a text without a known word says so, everywhere; one with a known word, or without any word, does not', async () => {
    const known = async (text: string) => {
      const one = await server.call<PredictAnswer>('POST', '/predict', { text })
      const many = await server.call<PredictBatchAnswer>('POST', '/predict/batch', { texts: [text] })
      const why = await server.call<ExplainAnswer>('POST', '/explain', { text })
      return [one.body.unknown, 'unknown' in many.body.predictions[0], why.body.unknown]
    }
    expect(await known('これは素晴らしい製品です')).toEqual([true, true, true])
    expect(await known('Это ужасно')).toEqual([true, true, true])
    for (const text of ['ужасно bad', 'good', '👍', '404', '?!'])
      expect(await known(text), text).toEqual([undefined, false, undefined])
  })

  test('a repeated id is answered by the first prediction, and another text under it is refused', async () => {
    const first = await server.call<PredictAnswer>('POST', '/predict', { text: 'fine, thanks', id: 'order-1' })
    const again = await server.call<PredictAnswer>('POST', '/predict', { text: 'fine, thanks', id: 'order-1' })
    expect(again.body).toMatchObject({ id: first.body.id, repeated: true })
    const other = await server.call('POST', '/predict', { text: 'not fine', id: 'order-1' })
    expect(other).toMatchObject({ status: 409, body: { error: { code: 'id_conflict' } } })
    const byOwnId = await server.call<LoggedPrediction>('GET', '/predictions/order-1')
    expect(byOwnId.body.id).toBe(first.body.id)
  })

  test('feedback counts once, can be contradicted later, and must be a label of the task', async () => {
    const { body } = await server.call<PredictAnswer>('POST', '/predict', { text: 'awful, truly awful' })
    const tell = (label: string) => server.call<FeedbackAnswer>('POST', '/feedback', { prediction_id: body.id, label })
    expect((await tell('negative')).body.results).toMatchObject([
      { status: 'new', correct: true, previous_label: null },
    ])
    expect((await tell('negative')).body.results).toMatchObject([{ status: 'repeated' }])
    expect((await tell('neutral')).body.results).toMatchObject([
      { status: 'changed', correct: false, previous_label: 'negative' },
    ])
    expect(await tell('sad')).toMatchObject({ status: 422, body: { error: { code: 'label_unknown' } } })
    const seen = await server.call<LoggedPrediction>('GET', `/predictions/${body.id}`)
    expect(seen.body.feedback).toMatchObject({ label: 'neutral', correct: false, changes: 1 })
    const many = await server.call<FeedbackAnswer>('POST', '/feedback', {
      items: [
        { prediction_id: 'nobody', label: 'neutral' },
        { prediction_id: body.id, label: 'negative' },
      ],
    })
    expect(many.body.results).toMatchObject([{ error: { code: 'prediction_unknown' } }, { status: 'changed' }])
  })

  test('the log is read page by page without gaps or repeats, and found by its words', async () => {
    const texts = Array.from(
      { length: 120 },
      (_, i) => `parcel number ${i} is ${i % 2 === 0 ? 'wonderful' : 'horrible'}`,
    )
    await server.call('POST', '/predict/batch', { texts, source: 'pages' })
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: { body: PredictionsPage } = await server.call<PredictionsPage>(
        'GET',
        `/predictions?source=pages&limit=50${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      )
      seen.push(...page.body.predictions.map((row) => row.text ?? ''))
      cursor = page.body.next
    } while (cursor !== null)
    expect(seen).toEqual([...texts].reverse())
    const found = await server.call<PredictionsPage>('GET', '/predictions?q=parcel%20horrible&limit=1000')
    expect(found.body.predictions).toHaveLength(60)
    const none = await server.call<PredictionsPage>('GET', '/predictions?q=%22horrible%20parcel%22')
    expect(none.body.predictions).toHaveLength(0)
  })

  test('the exports hold every row that matches, one line each', async () => {
    const csv = await server.call<string>('GET', '/predictions?source=pages&format=csv')
    expect(csv.headers.get('content-type')).toContain('text/csv')
    expect(csv.body.trim().split('\r\n')).toHaveLength(121)
    const ndjson = await server.call<string>('GET', '/predictions?source=pages&format=ndjson')
    const rows = ndjson.body
      .trim()
      .split('\n')
      .map((line): LoggedPrediction => JSON.parse(line))
    expect(rows).toHaveLength(120)
    expect(rows[0].text).toBe('parcel number 119 is horrible')
  })

  test('the hours add up to what was predicted', async () => {
    const before = await server.call<StatsAnswer>('GET', '/stats?task=severity')
    await server.call('POST', '/predict', { text: 'kernel panic - not syncing', task: 'severity' })
    const { body } = await server.call<StatsAnswer>('GET', '/stats?task=severity')
    expect(body.total.predictions).toBe(before.body.total.predictions + 1)
    expect(body.hours.reduce((sum, hour) => sum + hour.predictions, 0)).toBe(body.total.predictions)
    expect(body.total.latency_ms.p50).toBeGreaterThan(0)
  })

  test('a promotion, by whichever process, is followed without a failed request, and rolled back', async () => {
    const artifact = await verifyArtifact(starter)
    const { files: _, ...parts } = artifact.manifest
    const second = makeArtifact({ ...parts, seed: parts.seed + 1 }, artifact.files)
    const { config } = server
    const elsewhere = await openStore({ url: config.databaseUrl?.reveal() ?? null, home: config.home, now: Date.now })
    try {
      const needs = { store: elsewhere, modelsFolder: join(config.home, 'models'), open: openAtOnce, now: Date.now }
      const version = await register(second, { who: 'test', why: 'another seed' }, needs)
      expect(version).toMatchObject({ version: 2, stage: 'staging' })

      const statuses = new Set<number>()
      const versions = new Set<number>()
      const traffic = (async () => {
        const end = Date.now() + 2500
        while (Date.now() < end) {
          const { status, body } = await server.call<PredictAnswer>('POST', '/predict', { text: battery })
          statuses.add(status)
          versions.add(body.version)
        }
      })()
      await elsewhere.registry.promote({
        model: 'sentiment',
        version: 2,
        who: 'anna',
        why: 'it is newer',
        at: Date.now(),
      })
      await traffic
      expect(statuses).toEqual(new Set([200]))
      expect(versions).toEqual(new Set([1, 2]))
    } finally {
      await elsewhere.close()
    }

    const back = await server.call<ModelBody>('POST', '/models/sentiment/rollback', { why: 'only a test' })
    expect(back.body).toMatchObject({ production: 1 })
    const next = await server.call<PredictAnswer>('POST', '/predict', { text: battery })
    expect(next.body.version).toBe(1)
    const { body } = await server.call<StageEventsAnswer>('GET', '/models/sentiment/events')
    expect(body.events.map((event) => [event.summary, event.who, event.why]).slice(0, 2)).toEqual([
      ['Rolled back from 2 to 1', 'local', 'only a test'],
      ['Promoted 2 in place of 1', 'anna', 'it is newer'],
    ])
    expect(back.body.roll_back_to).toBeNull()
  })

  test('what was answered survives a restart, and so does what serves', async () => {
    const { body } = await server.call<PredictAnswer>('POST', '/predict', { text: 'before the restart' })
    server = await server.again()
    const seen = await server.call<LoggedPrediction>('GET', `/predictions/${body.id}`)
    expect(seen.body.text).toBe('before the restart')
    const { body: models } = await server.call<ModelsAnswer>('GET', '/models')
    expect(models.models.find((model) => model.model === 'sentiment')?.production).toBe(1)
    expect(models.models.find((model) => model.model === 'sentiment')?.versions).toHaveLength(2)
  })

  test('every address also answers under /v1', async () => {
    const { body } = await server.call<PredictAnswer>('POST', '/v1/predict', { text: 'lovely' })
    expect(body.label).toBe('positive')
  })
})
