/** Every answer that is not a success: one body, one code of the table of faults. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FaultBody } from '@barometer/wire'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Fault, type FaultCode, faults } from '../domain/faults.ts'
import type { Api } from './context.ts'

/** What the codes of Fastify and Node are in ours. What is not here and has no 4xx status is a failure inside. */
const foreignCodes: Readonly<Record<string, FaultCode>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'bad_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'bad_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_json',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media',
  FST_ERR_VALIDATION: 'bad_request',
  FST_ERR_BAD_URL: 'bad_request',
  FST_ERR_MAX_PARAM_LENGTH: 'bad_request',
  FST_ERR_NOT_FOUND: 'route_unknown',
  FST_ERR_HANDLER_TIMEOUT: 'timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'too_slow',
}

/** Faults in a request that are told apart from others of the same status. */
const foreignStatus: Readonly<Record<number, FaultCode>> = {
  404: 'route_unknown',
  405: 'method_not_allowed',
  413: 'body_too_large',
  415: 'unsupported_media',
  429: 'rate_limited',
  431: 'headers_too_large',
}

/** Places in a request that are named to the caller; more would not help. */
const PLACES_MAX = 20

/** Answers errors and unknown addresses. `counted` is called once for every fault. */
export function faultAnswers(app: Api, counted: (code: FaultCode) => void): void {
  const methods = methodsOf(app)

  app.setErrorHandler((error: FastifyError, request, reply) => {
    const fault = faultOf(error)
    // The failure itself goes to the log, under the id that the caller is shown; never what the request held.
    if (fault.code === 'internal') request.log.error({ err: error }, 'failed inside')
    counted(fault.code)
    sendFault(fault, request, reply, placesOf(error))
  })

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]
    const allowed = methods(path)
    if (allowed.length > 0 && !allowed.includes(request.method)) {
      counted('method_not_allowed')
      reply.header('allow', allowed.join(', '))
      return sendFault(
        new Fault('method_not_allowed', { say: `This address answers ${allowed.join(', ')} only.` }),
        request,
        reply,
      )
    }
    counted('route_unknown')
    sendFault(new Fault('route_unknown'), request, reply)
  })
}

/** The fault that an error is. */
export function faultOf(error: FastifyError | Fault): Fault {
  if (error instanceof Fault) return error
  const code = foreignCodes[error.code]
  if (code === 'bad_request') return new Fault(code, { say: sayOf(error), cause: error })
  if (code !== undefined) return new Fault(code, { cause: error })
  const { statusCode } = error
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new Fault(foreignStatus[statusCode] ?? 'bad_request', { cause: error })
  return new Fault('internal', { cause: error })
}

function sayOf(error: FastifyError): string {
  const [first] = placesOf(error) ?? []
  return first === undefined ? faults.bad_request.say : `${first.path} ${first.message}.`
}

function wordsOf(context: string | undefined): string {
  return context === 'querystring' ? 'query' : context === 'params' ? 'path' : (context ?? 'request')
}

function placesOf(error: FastifyError): { path: string; message: string }[] | undefined {
  if (error.validation === undefined) return undefined
  const part = wordsOf(error.validationContext)
  const byPlace = Map.groupBy(error.validation, ({ instancePath, keyword }) => `${keyword} ${instancePath}`)
  const places = [...byPlace.values()].map((errors) => ({
    path: `${part}${errors[0].instancePath}`,
    keyword: errors[0].keyword,
    message: errors[0].keyword === 'const' ? oneOf(errors) : (errors[0].message ?? 'is not valid'),
  }))
  // That no alternative fits says nothing beside what is wrong with each.
  const telling = places.filter(({ keyword }) => keyword !== 'anyOf')
  return (telling.length > 0 ? telling : places).slice(0, PLACES_MAX).map(({ path, message }) => ({ path, message }))
}

/** A choice of words is an alternative for each of them. */
function oneOf(errors: NonNullable<FastifyError['validation']>): string {
  const words = new Set(errors.map(({ params }) => JSON.stringify(params['allowedValue'])))
  return words.size === 1 ? `must be ${[...words].join()}` : `must be one of ${[...words].join(', ')}`
}

/** Writes the one body that all faults have. */
export function sendFault(
  fault: Fault,
  request: FastifyRequest,
  reply: FastifyReply,
  details?: { path: string; message: string }[],
): void {
  reply.code(fault.status).header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-store')
  if (fault.retryAfterSeconds !== undefined) reply.header('retry-after', String(Math.ceil(fault.retryAfterSeconds)))
  // A string is sent as it is, so that no response schema of a route can cut the body short.
  reply.serializer(asIs).send(JSON.stringify(bodyOf(fault, request.id, details)))
}

function asIs(payload: unknown): string {
  return payload as string // answer() sends strings only
}

function bodyOf(fault: Fault, requestId: string | null, details?: { path: string; message: string }[]): FaultBody {
  return {
    error: {
      code: fault.code,
      message: fault.message,
      ...(requestId === null ? {} : { requestId }),
      ...(details === undefined ? {} : { details }),
    },
  }
}

/** For requests that the HTTP parser refuses, where there is no reply yet: writes the answer and closes. */
export function answerSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return
  const fault = new Fault(
    foreignCodes[error.code ?? ''] ?? 'bad_request',
    error.code?.startsWith('HPE_') && error.code !== 'HPE_HEADER_OVERFLOW' ? { say: 'That is not HTTP.' } : {},
  )
  const body = JSON.stringify(bodyOf(fault, null))
  socket.end(
    `HTTP/1.1 ${fault.status} ${STATUS_CODES[fault.status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    // Half-closed is not enough: a slow peer would hold the connection.
    () => socket.destroy(),
  )
}

/** Which methods an address answers, from the patterns of the routes; addresses of files are left out. */
function methodsOf(app: Api): (path: string) => string[] {
  const patterns: { readonly shape: RegExp; readonly methods: readonly string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    if (url.includes('*')) return
    const shape = url
      .split('/')
      .map((part) => (part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)))
    patterns.push({ shape: new RegExp(`^${shape.join('/')}/?$`), methods: [method].flat() })
  })
  return (path) => [...new Set(patterns.filter(({ shape }) => shape.test(path)).flatMap(({ methods }) => methods))]
}
