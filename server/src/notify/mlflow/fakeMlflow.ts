/**
 * A small MLflow for tests: the calls that a training run makes, checked as MLflow checks them (mlflow/utils/validation.py
 * and the SQL store), over real HTTP. It can also be slow, fail, refuse, or be something else altogether.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Json = Readonly<Record<string, unknown>>

export interface FakeRun {
  readonly id: string
  readonly experiment: string
  status: string
  readonly tags: Map<string, string>
  readonly params: Map<string, string>
  readonly metrics: {
    readonly key: string
    readonly value: number
    readonly step: number
    readonly timestamp: number
  }[]
}

/** What happens instead of an answer; the request's number counts from 1. */
export type Mischief = (response: ServerResponse, path: string, number: number) => boolean

export interface FakeMlflow {
  readonly uri: string
  readonly experiments: Map<string, string>
  readonly runs: Map<string, FakeRun>
  readonly models: Map<string, { readonly versions: Json[]; readonly aliases: Map<string, string> }>
  readonly files: Map<string, Uint8Array>
  /** Every request as `METHOD path`. */
  readonly asked: string[]
  /** Largest numbers of metrics, parameters and bytes of one request. */
  readonly largest: { metrics: number; params: number; bytes: number }
  mischief: Mischief | null
  close(): Promise<void>
}

class Refused extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const invalid = (message: string) => new Refused(400, 'INVALID_PARAMETER_VALUE', message)
const absent = (message: string) => new Refused(404, 'RESOURCE_DOES_NOT_EXIST', message)
const twice = (message: string) => new Refused(400, 'RESOURCE_ALREADY_EXISTS', message)

export async function fakeMlflow(artifactRoot = 'mlflow-artifacts:/'): Promise<FakeMlflow> {
  const fake: Omit<FakeMlflow, 'uri' | 'close'> = {
    experiments: new Map(),
    runs: new Map(),
    models: new Map(),
    files: new Map(),
    asked: [],
    largest: { metrics: 0, params: 0, bytes: 0 },
    mischief: null,
  }
  const server = createServer((request, response) => void answer(fake, artifactRoot, request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listening on TCP, so never a pipe's name
  return Object.assign(fake, {
    uri: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

async function answer(
  fake: Omit<FakeMlflow, 'uri' | 'close'>,
  artifactRoot: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://mlflow')
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const number = fake.asked.push(`${request.method} ${url.pathname}`)
  if (fake.mischief?.(response, url.pathname, number)) return
  const reply = (status: number, json: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
  try {
    const proxied = '/api/2.0/mlflow-artifacts/artifacts/'
    if (request.method === 'PUT' && url.pathname.startsWith(proxied)) {
      const path = decodeURIComponent(url.pathname.slice(proxied.length))
      if (path.split('/').some((part) => part === '' || part === '..')) throw invalid(`Invalid path: ${path}`)
      fake.files.set(path, body)
      return void reply(200, {})
    }
    const api = '/api/2.0/mlflow/'
    if (!url.pathname.startsWith(api)) throw new Refused(404, 'ENDPOINT_NOT_FOUND', 'Not found')
    const asked: Json =
      request.method === 'GET' ? Object.fromEntries(url.searchParams) : (JSON.parse(body.toString()) as Json)
    if (url.pathname.endsWith('log-batch')) fake.largest.bytes = Math.max(fake.largest.bytes, body.length)
    reply(200, call(fake, artifactRoot, `${request.method} ${url.pathname.slice(api.length)}`, asked, body.length))
  } catch (error) {
    if (error instanceof Refused) reply(error.status, { error_code: error.code, message: error.message })
    else reply(500, { error_code: 'INTERNAL_ERROR', message: String(error) })
  }
}

function call(
  fake: Omit<FakeMlflow, 'uri' | 'close'>,
  artifactRoot: string,
  route: string,
  asked: Json,
  bytes: number,
): object {
  switch (route) {
    case 'GET experiments/get-by-name': {
      const id = fake.experiments.get(text(asked, 'experiment_name'))
      if (id === undefined) throw absent('Could not find experiment')
      return { experiment: { experiment_id: id } }
    }
    case 'POST experiments/create': {
      const name = text(asked, 'name')
      if (fake.experiments.has(name)) throw twice(`Experiment '${name}' already exists.`)
      const id = String(fake.experiments.size + 1)
      fake.experiments.set(name, id)
      return { experiment_id: id }
    }
    case 'POST runs/create': {
      const experiment = text(asked, 'experiment_id')
      if (![...fake.experiments.values()].includes(experiment)) throw absent(`No Experiment with id=${experiment}`)
      if (typeof asked['start_time'] !== 'number') throw invalid('Missing value for start_time')
      const id = (fake.runs.size + 1).toString(16).padStart(32, 'a')
      const run: FakeRun = { id, experiment, status: 'RUNNING', tags: new Map(), params: new Map(), metrics: [] }
      for (const { key, value } of pairs(asked, 'tags', 100)) run.tags.set(nameOf(key), lengthOf(value, 5000))
      fake.runs.set(id, run)
      return { run: info(run, artifactRoot) }
    }
    case 'POST runs/search': {
      const wanted = /^tags\.`([\w.]+)` = '([\w-]+)'$/.exec(text(asked, 'filter'))
      if (wanted === null) throw invalid('Invalid filter')
      const found = [...fake.runs.values()].filter((run) => run.tags.get(wanted[1]) === wanted[2])
      return found.length === 0 ? {} : { runs: found.map((run) => info(run, artifactRoot)) }
    }
    case 'POST runs/log-batch':
      logBatch(fake, asked, bytes)
      return {}
    case 'POST runs/update': {
      const run = runOf(fake, asked)
      const status = text(asked, 'status')
      if (!['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'].includes(status)) throw invalid('Invalid status')
      run.status = status
      return { run_info: { run_id: run.id, status } }
    }
    case 'POST registered-models/create': {
      const name = text(asked, 'name')
      if (fake.models.has(name)) throw twice(`Registered Model (name=${name}) already exists.`)
      fake.models.set(name, { versions: [], aliases: new Map() })
      return { registered_model: { name } }
    }
    case 'POST model-versions/create': {
      const { versions } = modelOf(fake, asked)
      text(asked, 'source')
      runOf(fake, asked)
      const version = String(versions.length + 1)
      versions.push({ ...asked, version })
      return { model_version: { name: asked['name'], version } }
    }
    case 'POST registered-models/alias': {
      const { versions, aliases } = modelOf(fake, asked)
      const [alias, version] = [text(asked, 'alias'), text(asked, 'version')]
      if (!/^[\w-]+$/.test(alias) || /^v\d+$/i.test(alias) || alias.toLowerCase() === 'latest')
        throw invalid(`Invalid alias name: '${alias}'.`)
      if (Number(version) > versions.length) throw absent(`Model Version (version=${version}) not found`)
      aliases.set(alias, version)
      return {}
    }
    default:
      throw new Refused(404, 'ENDPOINT_NOT_FOUND', `No such endpoint: ${route}`)
  }
}

function info(run: FakeRun, artifactRoot: string): object {
  const { id, experiment, status } = run
  const uri = `${artifactRoot}${experiment}/${id}/artifacts`
  return { info: { run_id: id, run_uuid: id, experiment_id: experiment, status, artifact_uri: uri }, data: {} }
}

function logBatch(fake: Omit<FakeMlflow, 'uri' | 'close'>, asked: Json, bytes: number): void {
  if (bytes > 1_000_000) throw invalid('Batched logging API requests must be at most 1000000 bytes')
  const run = runOf(fake, asked)
  const metrics = (asked['metrics'] ?? []) as Json[] // checked below, one by one
  const params = pairs(asked, 'params', 100)
  fake.largest.metrics = Math.max(fake.largest.metrics, metrics.length)
  fake.largest.params = Math.max(fake.largest.params, params.length)
  if (metrics.length > 1000) throw invalid('A batch logging request can contain at most 1000 metrics.')
  if (metrics.length + params.length > 1000) throw invalid('at most 1000 metrics, params, and tags')
  if (new Set(params.map(({ key }) => key)).size < params.length) throw invalid('Duplicate parameter keys')
  for (const { key, value } of params) {
    const before = run.params.get(nameOf(key))
    if (before !== undefined && before !== value)
      throw invalid(`Changing param values is not allowed. Param with key='${key}' was already logged.`)
    run.params.set(key, lengthOf(value, 6000))
  }
  for (const { key, value, timestamp, step } of metrics) {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(`Got invalid value ${String(value)}`)
    if (!Number.isInteger(timestamp) || Number(timestamp) < 0) throw invalid(`Got invalid timestamp`)
    if (!Number.isInteger(step)) throw invalid(`Got invalid step ${String(step)}`)
    run.metrics.push({ key: nameOf(key), value, timestamp: Number(timestamp), step: Number(step) })
  }
}

function text(asked: Json, name: string): string {
  const value = asked[name]
  if (typeof value !== 'string' || value === '') throw invalid(`Missing value for required parameter '${name}'.`)
  return value
}

function pairs(asked: Json, name: string, most: number): readonly { readonly key: string; readonly value: string }[] {
  const list = (asked[name] ?? []) as { key: unknown; value: unknown }[] // checked below, one by one
  if (list.length > most) throw invalid(`A batch logging request can contain at most ${most} ${name}.`)
  return list.map(({ key, value }) => {
    if (typeof value !== 'string') throw invalid(`Invalid value of ${String(key)}`)
    return { key: nameOf(key), value }
  })
}

/** mlflow/utils/validation.py: `_VALID_PARAM_AND_METRIC_NAMES`, `path_not_unique`, `MAX_ENTITY_KEY_LENGTH`. */
function nameOf(key: unknown): string {
  if (typeof key !== 'string' || key === '' || !/^[/\w.\- ]*$/.test(key))
    throw invalid(`Invalid name: '${String(key)}'`)
  const parts = key.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..')) throw invalid(`Invalid name: '${key}'`)
  return lengthOf(key, 250)
}

function lengthOf(value: string, most: number): string {
  if (value.length > most) throw invalid(`had length ${value.length}, which exceeded length limit of ${most}`)
  return value
}

function runOf(fake: Pick<FakeMlflow, 'runs'>, asked: Json): FakeRun {
  const run = fake.runs.get(text(asked, 'run_id'))
  if (run === undefined) throw absent('Run not found')
  return run
}

function modelOf(fake: Pick<FakeMlflow, 'models'>, asked: Json) {
  const model = fake.models.get(text(asked, 'name'))
  if (model === undefined) throw absent('Registered Model not found')
  return model
}
