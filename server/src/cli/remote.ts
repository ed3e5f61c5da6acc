/** How a command talks to a running server. */
import type { FaultBody } from '@barometer/wire'
import type { Config } from '../config.ts'
import { type Secret, secretOf } from '../domain/secret.ts'
import { OperatingError, UsageError } from './failure.ts'
import { configOf } from './home.ts'
import type { Terminal } from './terminal.ts'

export interface RemoteOptions {
  readonly url?: string
  readonly key?: string
}

export const URL_HELP = 'address of the server (default: BAROMETER_URL, else this machine at PORT)'
export const KEY_HELP = 'API key (default: BAROMETER_KEY)'

export interface Remote {
  readonly url: string
  readonly key: Secret | null
}

/** An answer other than a success: what the server says is wrong. */
export class RemoteFault extends OperatingError {
  readonly status: number
  readonly code: string
  readonly retryAfterSeconds: number | null

  constructor(status: number, code: string, words: string, retryAfterSeconds: number | null) {
    super(words)
    this.status = status
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export function remoteOf(terminal: Terminal, options: RemoteOptions): Remote {
  const url = options.url ?? terminal.env['BAROMETER_URL'] ?? localAddress(configOf(terminal, {}))
  if (!URL.canParse(url) || !/^https?:/.test(url))
    throw new UsageError(
      `${url.includes('@') ? 'That' : `“${url}”`} is no address of a server; write it like http://localhost:8000.`,
    )
  if (new URL(url).username !== '' || new URL(url).password !== '')
    throw new UsageError(
      'The address of a server has no user or password in it; give its key with --key or BAROMETER_KEY.',
    )
  const key = options.key ?? terminal.env['BAROMETER_KEY'] ?? null
  if (key !== null && !/^[\x21-\x7e]+$/.test(key))
    throw new UsageError('The API key has characters that no key has; it is one word like bk_…')
  return { url: url.replace(/\/+$/, ''), key: key === null ? null : secretOf(key) }
}

/** Where a server with these settings listens, as seen from this machine. */
function localAddress({ host, port }: Config): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

export interface Ask {
  readonly body?: unknown
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
  /** Statuses that are answers, not failures, beside 2xx. */
  readonly accept?: readonly number[]
}

/** @returns the answer's text. @throws RemoteFault, or OperatingError where no server answers. */
export async function ask(
  remote: Remote,
  path: string,
  { body, signal, timeoutMs = 30_000, accept = [] }: Ask = {},
): Promise<string> {
  const headers: Record<string, string> = { accept: 'application/json, text/plain' }
  if (remote.key !== null) headers['authorization'] = `Bearer ${remote.key.reveal()}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  const limit = AbortSignal.timeout(timeoutMs)
  let response: Response
  let text: string
  try {
    response = await fetch(remote.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    text = await response.text()
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw new OperatingError(
      `No server answers at ${remote.url}: ${whyNot(error, timeoutMs)}. Is it running? Start it with: barometer serve`,
    )
  }
  if (response.ok || accept.includes(response.status)) return text
  throw faultOf(response, text, remote)
}

/** Like `ask`, for an answer in JSON; its shape is the wire's, since it is our own server that answers. */
export async function askJson<T>(remote: Remote, path: string, options: Ask = {}): Promise<T> {
  const text = await ask(remote, path, options)
  try {
    return JSON.parse(text) as T // see above
  } catch {
    throw new OperatingError(`What answers at ${remote.url} is not Barometer: ${path} gave no JSON.`)
  }
}

function faultOf(response: Response, text: string, { url }: Remote): RemoteFault {
  const retry = Number(response.headers.get('retry-after') ?? Number.NaN)
  const { code, message } = bodyOf(text) ?? {
    code: `http_${response.status}`,
    message: `${response.status} ${response.statusText}`,
  }
  const words = `${url} says: ${message} (${code})`
  return new RemoteFault(response.status, code, words, Number.isFinite(retry) ? retry : null)
}

function bodyOf(text: string): FaultBody['error'] | null {
  try {
    const body = JSON.parse(text) as Partial<FaultBody> // looked at before it is used
    return typeof body.error?.code === 'string' ? body.error : null
  } catch {
    return null
  }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no host has that name',
  EAI_AGAIN: 'the name cannot be looked up',
  ECONNRESET: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed',
}

function whyNot(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`
  const cause = error.cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return reasons[code] ?? (cause instanceof Error && cause.message !== '' ? cause.message : error.message)
}
