/** GET /predictions, its exports, and GET /predictions/:id: the log as people and programs read it. */
import { Readable } from 'node:stream'
import {
  FaultBody,
  LoggedPrediction as LoggedPredictionBody,
  type PredictionFilter,
  PredictionParameters,
  PredictionsPage,
  PredictionsQuery,
} from '@barometer/wire'
import { Type } from 'typebox'
import { csvField, inertInSpreadsheets } from '../domain/csvField.ts'
import { Fault } from '../domain/faults.ts'
import type { LoggedPrediction } from '../domain/prediction.ts'
import type { Keeping } from '../domain/redaction/keeping.ts'
import { findPrediction } from '../loop/findPrediction.ts'
import type { LogFilter } from '../store/store.ts'
import { type Api, type ApiNeeds, sendRaw } from './context.ts'

const PAGE_ROWS = 50
/** An export reads one piece ahead of its reader; the default would be sixteen, of 500 rows each. */
const ONE_AHEAD = { highWaterMark: 1 }

export function predictionRoutes(app: Api, { store, predictionLog: { keeping } }: ApiNeeds): void {
  app.get(
    '/predictions',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listPredictions',
        summary: 'The log, newest first; format=csv or ndjson streams every row that matches',
        tags: ['log'],
        querystring: PredictionsQuery,
        response: {
          200: {
            content: {
              'application/json': { schema: PredictionsPage },
              'text/csv': { schema: Type.String() },
              'application/x-ndjson': { schema: Type.String() },
            },
          },
          '4xx': FaultBody,
          '5xx': FaultBody,
        },
      },
    },
    async (request, reply) => {
      const { limit, cursor, format = 'json', ...asked } = request.query
      const filter = filterOf(asked, keeping)
      switch (format) {
        case 'json': {
          const page = await store.log.page(filter, limit ?? PAGE_ROWS, cursor ?? null)
          return { predictions: page.rows.map(bodyOf), next: page.next }
        }
        case 'csv':
          reply.header('content-disposition', 'attachment; filename="predictions.csv"').type('text/csv; charset=utf-8')
          return sendRaw(
            reply,
            Readable.from(lines(store.log.stream(filter, limit), csvLine, `${CSV_COLUMNS.join(',')}\r\n`), ONE_AHEAD),
          )
        case 'ndjson':
          reply.header('content-disposition', 'attachment; filename="predictions.ndjson"').type('application/x-ndjson')
          return sendRaw(
            reply,
            Readable.from(
              lines(store.log.stream(filter, limit), (row) => `${JSON.stringify(bodyOf(row))}\n`, ''),
              ONE_AHEAD,
            ),
          )
        default:
          return format satisfies never
      }
    },
  )

  app.get(
    '/predictions/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getPrediction',
        summary: "One prediction, by its id or by the caller's own",
        tags: ['log'],
        params: PredictionParameters,
        response: { 200: LoggedPredictionBody, '4xx': FaultBody, '5xx': FaultBody },
      },
    },
    async (request) => {
      const row = await findPrediction(request.params.id, { log: store.log, keeping })
      if (row === null) throw new Fault('prediction_unknown')
      return bodyOf(row)
    },
  )
}

function filterOf(asked: PredictionFilter, keeping: Keeping): LogFilter {
  return {
    ...(asked.task === undefined ? {} : { task: asked.task }),
    ...(asked.label === undefined ? {} : { label: asked.label }),
    ...(asked.model === undefined ? {} : { model: asked.model }),
    ...(asked.version === undefined ? {} : { version: asked.version }),
    ...(asked.source === undefined ? {} : { source: keeping.name(asked.source) }),
    ...(asked.since === undefined ? {} : { since: Date.parse(asked.since) }),
    ...(asked.until === undefined ? {} : { until: Date.parse(asked.until) }),
    ...(asked.confidence_min === undefined ? {} : { confidenceMin: asked.confidence_min }),
    ...(asked.confidence_max === undefined ? {} : { confidenceMax: asked.confidence_max }),
    ...(asked.feedback === undefined ? {} : { feedback: asked.feedback }),
    ...(asked.q === undefined ? {} : { words: asked.q }),
  }
}

function bodyOf(row: LoggedPrediction): LoggedPredictionBody {
  return {
    id: row.id,
    at: new Date(row.at).toISOString(),
    task: row.task,
    model: row.model,
    version: row.version,
    variant: row.variant,
    label: row.label,
    confidence: row.confidence,
    probabilities: Object.fromEntries(row.labels.map((label, i) => [label, row.probabilities[i]])),
    latency_ms: row.latencyMs,
    drift: row.drift,
    text: row.text,
    chars: row.chars,
    tokens: row.tokens,
    source: row.source,
    caller_id: row.callerId,
    feedback:
      row.feedback === null
        ? null
        : {
            label: row.feedback.label,
            at: new Date(row.feedback.at).toISOString(),
            correct: row.feedback.correct,
            changes: row.feedback.changes,
          },
  }
}

/** A chunk of rows becomes one piece of the answer, so that a million rows cost a thousand writes. */
async function* lines(
  chunks: AsyncIterable<readonly LoggedPrediction[]>,
  line: (row: LoggedPrediction) => string,
  head: string,
): AsyncGenerator<string> {
  if (head !== '') yield head
  for await (const rows of chunks) yield rows.map(line).join('')
}

/** A row's fields in the order of the schema; feedback comes last, in three columns. */
const CSV_COLUMNS = [
  ...Object.keys(LoggedPredictionBody.properties).filter((name) => name !== 'feedback'),
  'feedback_label',
  'feedback_at',
  'feedback_correct',
]

/** RFC 4180. */
function csvLine(row: LoggedPrediction): string {
  const { probabilities, feedback, ...rest } = bodyOf(row)
  const fields: Readonly<Record<string, string | number | boolean | null>> = {
    ...rest,
    probabilities: JSON.stringify(probabilities),
    feedback_label: feedback?.label ?? null,
    feedback_at: feedback?.at ?? null,
    feedback_correct: feedback?.correct ?? null,
  }
  return `${CSV_COLUMNS.map((column) => fieldOf(fields[column])).join(',')}\r\n`
}

function fieldOf(value: string | number | boolean | null): string {
  if (value === null) return ''
  return typeof value === 'string' ? csvField(inertInSpreadsheets(value)) : String(value)
}
