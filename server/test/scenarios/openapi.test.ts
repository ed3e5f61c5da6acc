/** The documents of the API are held to what the server really answers. */
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Served, serve } from '../serve.ts'

interface Documents {
  readonly paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { schema: object }> }> }>
  >
  readonly components: object
}

let server: Served
let documents: Documents
let predictionId: string

beforeAll(async () => {
  server = await serve()
  documents = (await server.call<Documents>('GET', '/openapi.json')).body
  const made = await server.call<{ id: string }>('POST', '/predict', {
    text: 'to be asked about',
    source: 'openapi',
    id: 'mine',
  })
  predictionId = made.body.id
})
afterAll(() => server.end())

/** The schema of an answer, strict: what the documents do not name must not be there. */
function validator(path: string, method: string, status: number) {
  const { responses } = documents.paths[path][method.toLowerCase()]
  const described = responses[status] ?? responses[`${String(status)[0]}XX`]
  const schema = described.content?.['application/json']?.schema
  if (schema === undefined) throw new Error(`${method} ${path} does not describe ${status}`)
  const ajv = new Ajv({ strict: false, allErrors: true })
  formats.default(ajv)
  return ajv.compile({ ...closed(schema), components: closed(documents.components) })
}

/** Every object with named properties admits no others. */
function closed<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(closed) as T
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return ('properties' in schema && 'type' in schema ? { additionalProperties: false, ...inner } : inner) as T
}

test.each([
  ['POST', '/predict', 200, { text: 'fine', return_probabilities: true, explain: true, id: 'once', source: 'a' }],
  ['POST', '/predict', 200, { text: 'to be asked about', id: 'mine' }],
  ['POST', '/predict', 400, { text: '' }],
  ['POST', '/predict', 404, { text: 'a', task: 'nonsense' }],
  ['POST', '/predict', 400, { text: 7 }],
  ['POST', '/predict/batch', 200, { texts: ['a', ''], return_probabilities: true }],
  ['POST', '/predict/batch', 200, { items: [{ text: 'a', id: 'b1', source: 's' }] }],
  ['POST', '/predict/batch', 400, {}],
  ['POST', '/explain', 200, { text: 'not bad' }],
  ['POST', '/feedback', 200, { prediction_id: 'mine', label: 'neutral' }],
  [
    'POST',
    '/feedback',
    200,
    {
      items: [
        { prediction_id: 'nobody', label: 'neutral' },
        { prediction_id: 'mine', label: 'x' },
      ],
    },
  ],
  ['POST', '/feedback', 404, { prediction_id: 'nobody', label: 'neutral' }],
  ['GET', '/predictions', 200, undefined],
  ['GET', '/stats', 200, undefined],
  ['GET', '/models', 200, undefined],
  ['GET', '/models/sentiment', 200, undefined, '/models/{model}'],
  ['GET', '/models/sentiment/events', 200, undefined, '/models/{model}/events'],
  ['GET', '/models/nothing', 404, undefined, '/models/{model}'],
  [
    'POST',
    '/models/sentiment/versions/1/stage',
    409,
    { action: 'promote' },
    '/models/{model}/versions/{version}/stage',
  ],
  ['POST', '/training-runs', 202, { model: 'pets', data: { kind: 'feedback', task: 'nothing' } }],
  ['GET', '/training-runs', 200, undefined],
  ['GET', '/training-runs/nobody', 404, undefined, '/training-runs/{id}'],
  ['GET', '/health', 200, undefined],
  ['GET', '/health/live', 200, undefined],
  ['GET', '/health/ready', 200, undefined],
  ['GET', '/session', 200, undefined],
])('%s %s answers %i as the documents say', async (method, path, status, body, pattern = path) => {
  const answer = await server.call<object>(method, path, body)
  expect(answer.status, JSON.stringify(answer.body)).toBe(status)
  const validate = validator(pattern, method, status)
  validate(answer.body)
  expect(validate.errors).toBeNull()
})

test('a logged prediction answers as the documents say', async () => {
  const answer = await server.call<object>('GET', `/predictions/${predictionId}`)
  const validate = validator('/predictions/{id}', 'GET', 200)
  validate(answer.body)
  expect(validate.errors).toBeNull()
})

test('every address is described once, with a summary and a group', () => {
  const routes = Object.entries(documents.paths)
  expect(routes.map(([path]) => path).filter((path) => path.startsWith('/v1'))).toEqual([])
  for (const [path, methods] of routes)
    for (const [method, route] of Object.entries(methods))
      expect(route, `${method} ${path}`).toMatchObject({ summary: expect.any(String), tags: [expect.any(String)] })
})

test('an answer that the documents do not describe would be noticed', () => {
  const validate = validator('/health/live', 'GET', 200)
  expect(validate({ status: 'alive' })).toBe(true)
  expect(validate({ status: 'alive', extra: 1 })).toBe(false)
})
