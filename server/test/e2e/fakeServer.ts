/**
 * A small Barometer in memory for the states that a real one seldom shows: keys with few scopes, a refusal, a flood,
 * a server that goes away. It speaks the wire and serves the built page under the strictest policy that the page
 * must bear. What the page does with a real server is page.test.ts.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import type {
  EstimateBody,
  ExplainAnswer,
  LoggedPrediction,
  ModelBody,
  PredictionEvent,
  Scope,
  SessionAnswer,
  StageEventBody,
  StatsAnswer,
  VersionBody,
} from '@barometer/wire'

const DIST = fileURLToPath(new URL('../../../web/dist', import.meta.url))
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}
export const POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

const LABELS = ['negative', 'neutral', 'positive']
/** What a word adds to each logit. */
const WORDS: Readonly<Record<string, readonly [number, number, number]>> = {
  died: [1.9, -0.6, -1.3],
  bad: [1.4, -0.3, -1.1],
  expected: [0.5, 0.2, -0.7],
  but: [0.1, 0.1, -0.2],
  battery: [0.3, 0.1, -0.4],
  lovely: [-1.2, -0.5, 1.7],
  support: [-0.1, 0.2, -0.1],
  good: [-0.9, -0.4, 1.3],
}

export interface FakeOptions {
  /** With a key that opens the page; null: the server runs open. */
  readonly key?: string | null
  readonly scopes?: readonly Scope[]
  readonly models?: readonly ModelBody[]
}

export interface FakeServer {
  readonly address: string
  readonly log: LoggedPrediction[]
  readonly feedback: { readonly prediction_id: string; readonly label: string }[]
  /** The next request to this path is answered by a fault. */
  readonly fail: (path: string, status: number, code: string, message: string) => void
  readonly send: (event: 'prediction' | 'skipped', body: unknown) => void
  /** Explanations of texts that hold the key wait this long. */
  readonly delays: Map<string, number>
  readonly stop: () => Promise<void>
  /** Again, on the same port. */
  readonly start: () => Promise<void>
}

export async function fakeServer({
  key = null,
  scopes = ['predict', 'read', 'admin'],
  models = [modelBody()],
}: FakeOptions = {}): Promise<FakeServer> {
  const log: LoggedPrediction[] = []
  const given: { prediction_id: string; label: string }[] = []
  const faults = new Map<string, { status: number; code: string; message: string }>()
  const delays = new Map<string, number>()
  const streams = new Set<ServerResponse>()
  const held = models.map((model) => ({ ...model, versions: [...model.versions] }))
  const events: StageEventBody[] = held.flatMap((model) =>
    model.versions.toReversed().flatMap((v, i) => [eventOf(model, v, i)]),
  )
  let signedIn = false
  let server = createServer(answer)
  let port = 0

  const send = (event: string, body: unknown): void => {
    for (const stream of streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(body)}\n\n`)
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    route(request, response).catch((error: unknown) => {
      json(response, 500, { error: { code: 'internal', message: String(error) } })
    })
  }

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake')
    const at = `${request.method} ${url.pathname}`
    const refuse = (status: number, code: string, message: string): void =>
      json(response, status, { error: { code, message, requestId: 'req-7' } })
    const fault = faults.get(url.pathname)
    if (fault) {
      faults.delete(url.pathname)
      return refuse(fault.status, fault.code, fault.message)
    }
    if (at === 'GET /health/live') return json(response, 200, { status: 'alive' })
    if (at === 'GET /session') return json(response, 200, session())
    if (at === 'POST /session') {
      const { key: sent } = JSON.parse(await bodyOf(request)) as { key: string }
      if (sent !== key) return refuse(401, 'unauthorised', 'A valid API key is needed.')
      signedIn = true
      return json(response, 200, session())
    }
    if (request.method === 'GET' && (await file(url.pathname, response))) return
    if (key !== null && !signedIn) return refuse(401, 'unauthorised', 'A valid API key is needed.')
    if (key !== null && request.method !== 'GET' && request.headers['x-csrf-token'] !== 'token')
      return refuse(403, 'csrf', 'The session request lacks its CSRF token.')
    const body = request.method === 'POST' ? (JSON.parse(await bodyOf(request)) as Record<string, string>) : {}
    const stage = /^POST \/models\/([^/]+)\/(?:versions\/(\d+)\/stage|rollback)$/.exec(at)
    if (at === 'DELETE /session') {
      signedIn = false
      response.writeHead(204).end()
    } else if (at === 'POST /explain') await explain(body, response)
    else if (at === 'POST /predict') json(response, 200, predict(body))
    else if (at === 'POST /feedback') label(body, response)
    else if (at === 'GET /predictions') json(response, 200, { predictions: page(url.searchParams), next: null })
    else if (url.pathname.startsWith('/predictions/')) {
      const row = log.find((r) => url.pathname.endsWith(r.id))
      if (row) json(response, 200, row)
      else refuse(404, 'prediction_unknown', 'No prediction has that id.')
    } else if (at === 'GET /models') json(response, 200, { models: held })
    else if (/^GET \/models\/[^/]+\/events$/.test(at)) json(response, 200, { events: events.toReversed() })
    else if (stage) change(stage[1], Number(stage[2]), body, response)
    else if (at === 'GET /stats') json(response, 200, stats())
    else if (at === 'GET /events') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      response.write('retry: 2000\n\n')
      streams.add(response)
      request.on('close', () => streams.delete(response))
    } else refuse(404, 'route_unknown', 'There is nothing at this address.')
  }

  function session(): SessionAnswer {
    if (key === null) return { key_needed: false, signed_in: false, name: null, scopes: [], csrf: null }
    const known = signedIn
      ? { name: 'ada', scopes: [...scopes], csrf: 'token' }
      : { name: null, scopes: [], csrf: null }
    return { key_needed: true, signed_in: signedIn, ...known }
  }

  async function explain(body: Readonly<Record<string, string>>, response: ServerResponse): Promise<void> {
    const text = body['text'] ?? log.find((r) => r.id === body['prediction_id'])?.text ?? ''
    const wait = [...delays].find(([part]) => text.includes(part))?.[1] ?? 0
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    json(response, 200, explained(text))
  }

  function predict(body: Readonly<Record<string, string>>) {
    const { label, confidence, probabilities } = explained(body['text'])
    const row = loggedRow(log.length, {
      text: body['text'],
      label,
      confidence,
      probabilities,
      source: body['source'] ?? null,
    })
    log.unshift(row)
    const { id, at, task, model, version, latency_ms, drift, source, text } = row
    const event: PredictionEvent = { id, at, task, model, version, label, confidence, latency_ms, drift, source, text }
    send('prediction', event)
    return {
      id,
      task,
      sentiment: label,
      label,
      confidence,
      probabilities,
      model,
      version,
      latency_ms,
      drift: { drift },
    }
  }

  function label(body: Readonly<Record<string, string>>, response: ServerResponse): void {
    const index = log.findIndex((r) => r.id === body['prediction_id'])
    if (index < 0)
      return json(response, 404, { error: { code: 'prediction_unknown', message: 'No prediction has that id.' } })
    const row = log[index]
    const correct = row.label === body['label']
    log[index] = {
      ...row,
      feedback: { label: body['label'], at: new Date().toISOString(), correct, changes: row.feedback ? 1 : 0 },
    }
    given.push({ prediction_id: row.id, label: body['label'] })
    send('feedback', { prediction_id: row.id, label: body['label'], correct })
    json(response, 200, {
      results: [
        {
          prediction_id: row.id,
          label: body['label'],
          status: 'new',
          correct,
          previous_label: row.feedback?.label ?? null,
        },
      ],
    })
  }

  function page(query: URLSearchParams): LoggedPrediction[] {
    const wanted = query.get('label')
    const word = query.get('q')?.toLowerCase()
    return log
      .filter((row) => (!wanted || row.label === wanted) && (!word || row.text?.toLowerCase().includes(word)))
      .slice(0, Number(query.get('limit') ?? 50))
  }

  function change(
    name: string,
    version: number,
    body: Readonly<Record<string, string>>,
    response: ServerResponse,
  ): void {
    const model = held.find((m) => m.model === name)
    const target = model?.versions.find((v) => v.version === version)
    if (!model || !target)
      return json(response, 404, { error: { code: 'version_unknown', message: 'That model has no such version.' } })
    const to = body['action'] === 'promote' ? 'production' : 'archived'
    model.versions = model.versions.map((v) =>
      v === target
        ? { ...v, stage: to, serving: to === 'production' }
        : to === 'production' && v.stage === 'production'
          ? { ...v, stage: 'archived', serving: false }
          : v,
    )
    if (to === 'production') model.production = version
    const action = to === 'production' ? 'promote' : 'archive'
    const event = {
      ...eventOf(model, target, events.length),
      from: target.stage,
      to,
      action,
      summary: `${action === 'promote' ? 'Promoted' : 'Archived'} ${version}`,
      why: body['why'],
      at: new Date().toISOString(),
    } as const
    events.push(event)
    send('stage', event)
    json(response, 200, model)
  }

  function stats(): StatsAnswer {
    const hourMs = 3_600_000
    const now = Date.now()
    const hours = Array.from({ length: 24 }, (_, i) => {
      const predictions = log.length === 0 || i % 7 === 3 ? 0 : 20 + Math.round(60 * Math.sin(i / 4) ** 2)
      const negative = Math.round(predictions * 0.3)
      const positive = Math.round(predictions * 0.45)
      return {
        hour: new Date((Math.floor(now / hourMs) - 23 + i) * hourMs).toISOString(),
        predictions,
        labels: { negative, positive, neutral: predictions - negative - positive },
        confidence: predictions === 0 ? null : 0.84,
        latency_ms:
          predictions === 0
            ? { p50: null, p95: null, p99: null }
            : { p50: 0.2, p95: 0.5 + 0.3 * Math.cos(i / 3), p99: 1.4 },
      }
    }).filter((hour) => hour.predictions > 0)
    const predictions = hours.reduce((sum, hour) => sum + hour.predictions, 0)
    const sum = (name: 'negative' | 'neutral' | 'positive'): number =>
      hours.reduce((n, hour) => n + hour.labels[name], 0)
    const labels = { negative: sum('negative'), neutral: sum('neutral'), positive: sum('positive') }
    return {
      since: new Date(now - 24 * hourMs).toISOString(),
      until: new Date(now).toISOString(),
      hours,
      total: {
        predictions,
        labels,
        label_shares:
          predictions === 0 ? {} : Object.fromEntries(Object.entries(labels).map(([l, n]) => [l, n / predictions])),
        confidence: predictions === 0 ? null : 0.84,
        latency_ms: predictions === 0 ? { p50: null, p95: null, p99: null } : { p50: 0.2, p95: 0.7, p99: 1.4 },
        feedback:
          given.length === 0 ? { rows: 0, correct: 0, accuracy: null } : { rows: 12, correct: 11, accuracy: 11 / 12 },
      },
    }
  }

  const start = async (): Promise<void> => {
    server = createServer(answer)
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port // A TCP server's address is never a string.
  }
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    streams.clear()
    await closed
  }
  await start()
  return {
    address: `http://127.0.0.1:${port}`,
    log,
    feedback: given,
    delays,
    send,
    stop,
    start,
    fail: (path, status, code, message) => faults.set(path, { status, code, message }),
  }
}

/** A linear model of eight words: spans, logits and probabilities that agree with each other. */
export function explained(text: string): ExplainAnswer {
  const spans = [...text.matchAll(/[\p{L}\p{N}']+/gu)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    text: match[0],
    contributions: [...(WORDS[match[0].toLowerCase()] ?? [0, 0.01, -0.01])],
  }))
  const bias = [0.05, -0.2, 0.15]
  const logits = bias.map((b, k) => spans.reduce((sum, span) => sum + span.contributions[k], b))
  const raised = logits.map(Math.exp)
  const total = raised.reduce((a, b) => a + b, 0)
  const shares = raised.map((r) => r / total)
  const top = shares.indexOf(Math.max(...shares))
  const features = spans
    .map(({ text: feature, start, end, contributions }) => ({
      feature: feature.toLowerCase(),
      start,
      end,
      contributions,
    }))
    .sort((a, b) => Math.max(...b.contributions.map(Math.abs)) - Math.max(...a.contributions.map(Math.abs)))
  return {
    task: 'sentiment',
    model: 'sentiment',
    version: 2,
    label: LABELS[top],
    confidence: shares[top],
    probabilities: Object.fromEntries(LABELS.map((l, k) => [l, shares[k]])),
    text,
    explanation: { method: 'exact', labels: [...LABELS], logits, bias, spans, features },
  }
}

export function loggedRow(n: number, over: Partial<LoggedPrediction> = {}): LoggedPrediction {
  return {
    id: `0199${String(n).padStart(4, '0')}-7000-7000-8000-${String(n).padStart(12, '0')}`,
    at: new Date(Date.now() - 1000 + Math.min(n, 999)).toISOString(),
    task: 'sentiment',
    model: 'sentiment',
    version: 2,
    variant: 'champion',
    label: 'positive',
    confidence: 0.9,
    probabilities: { negative: 0.04, neutral: 0.06, positive: 0.9 },
    latency_ms: 0.31,
    drift: false,
    text: `Text number ${n}`,
    chars: 14,
    tokens: 3,
    source: 'shop',
    caller_id: null,
    feedback: null,
    ...over,
  }
}

export function modelBody(): ModelBody {
  const versions = [3, 2, 1].map((version): VersionBody => {
    const better = version * 0.006
    return {
      model: 'sentiment',
      version,
      task: 'sentiment',
      stage: version === 3 ? 'staging' : version === 2 ? 'production' : 'archived',
      kind: 'linear',
      labels: [...LABELS],
      digest: 'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3a94a8fe5ccb19ba61c4c0873',
      made_at: new Date(Date.now() - (4 - version) * 26 * 3_600_000).toISOString(),
      created_at: new Date(Date.now() - (4 - version) * 25 * 3_600_000).toISOString(),
      serving: version === 2,
      recipe: 'sentiment',
      data: {
        rows: 148_331,
        sha256: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
        sources: [
          { name: 'imdb/train', rows: 25_000, terms: 'Stanford, research use' },
          { name: 'sst/train', rows: 67_349, terms: 'Stanford, free with citation' },
          { name: 'tweeteval/sentiment', rows: 45_615, terms: 'Twitter terms, research use' },
        ],
      },
      calibration: { temperature: 1.184, rows: 4000, ece: 0.0121 },
      evaluations: [
        {
          name: 'imdb/test',
          rows: 25_000,
          metrics: {
            accuracy: estimate(0.9 + better, 0.0035),
            macroF1: estimate(0.9 + better, 0.0036),
            rocAuc: estimate(0.965 + better / 3, 0.002),
            logLoss: estimate(0.251 - better, 0.006),
            ece: estimate(0.013, 0.004),
          },
          confusion: [
            [11_380, 0, 1120],
            [0, 0, 0],
            [1190, 0, 11_310],
          ],
        },
        {
          name: 'tweeteval/test',
          rows: 12_284,
          metrics: {
            accuracy: estimate(0.61 + better, 0.009),
            macroRecall: estimate(0.622 + better, 0.01),
            macroF1: estimate(0.606 + better, 0.01),
            logLoss: estimate(0.86 - better, 0.013),
          },
          confusion: [
            [2581, 1060, 331],
            [1492, 3368, 1077],
            [214, 560, 1601],
          ],
        },
      ],
      bytes: 3_412_004,
      card: [
        '# Sentiment',
        'Reads the mood of **reviews, posts and short sentences**: `negative`, `neutral` or `positive`.',
        '## Known weaknesses',
        '- Irony is read as it is written.',
        '- Only English was seen in training.',
        '## Figures',
        '| test | accuracy |',
        '|---|---|',
        '| IMDB | 91.2 % |',
        '| SST-2 | 83.0 % |',
      ].join('\n'),
    }
  })
  return {
    model: 'sentiment',
    task: 'sentiment',
    production: 2,
    roll_back_to: { model: 'sentiment', version: 1 },
    versions,
  }
}

function estimate(value: number, width: number): EstimateBody {
  return { value, low: value - width, high: value + width }
}

function eventOf(model: ModelBody, version: VersionBody, index: number): StageEventBody {
  return {
    seq: index + 1,
    at: version.created_at,
    model: model.model,
    version: version.version,
    task: model.task,
    from: null,
    to: version.stage,
    action: version.stage === 'production' ? 'promote' : 'register',
    replaced: null,
    summary: `${version.stage === 'production' ? 'Promoted' : 'Registered'} ${version.version}`,
    who: 'ada',
    why: version.stage === 'production' ? 'Better on IMDB and on posts' : '',
  }
}

async function file(path: string, response: ServerResponse): Promise<boolean> {
  const name = normalize(path === '/' ? '/index.html' : path)
  const type = TYPES[extname(name)]
  if (type === undefined) return false
  try {
    const content = await readFile(join(DIST, name))
    response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY }).end(content)
    return true
  } catch {
    return false
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? '{}' : text
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
