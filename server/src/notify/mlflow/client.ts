/** MLflow's REST API as far as a training run needs it: one request, one answer that was checked, or one reason why not. */
import { openAsBlob } from 'node:fs'
import type { Secret } from '../../domain/secret.ts'

/** What went wrong, and whether the same request may work later. */
export class MlflowError extends Error {
  override readonly name = 'MlflowError'
  readonly temporary: boolean
  /** MLflow's own code, `INVALID_PARAMETER_VALUE` and the like; '' where it gave none. */
  readonly code: string

  constructor(words: string, { temporary, code = '', cause }: { temporary: boolean; code?: string; cause?: unknown }) {
    super(words, cause === undefined ? undefined : { cause })
    this.temporary = temporary
    this.code = code
  }
}

export interface MlflowClient {
  /** @param path below /api/2.0/mlflow. @returns the answer's JSON object, unread. */
  call(method: 'GET' | 'POST', path: string, body: object): Promise<Answer>
  /** Stores a file under a run's artifacts, through the tracking server. */
  upload(path: string, content: Uint8Array | { readonly file: string }): Promise<void>
}

export type Answer = Readonly<Record<string, unknown>>

export interface ClientOptions {
  /** `http://host:5000`; a path before /api is kept. */
  readonly uri: string
  /** The header that says who asks. */
  readonly authorization: Secret | null
  /** Ends whatever is under way. */
  readonly signal: AbortSignal
  readonly callMs?: number
  readonly uploadMs?: number
}

/** A tracking server answers in milliseconds; one that takes longer is overloaded or not there. */
const CALL_MS = 10_000
const UPLOAD_MS = 120_000
/** Answers are some kilobytes. A server that sends more is none. */
const ANSWER_CHARS_MAX = 1_000_000

interface Asking {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Blob | Uint8Array<ArrayBuffer>
}

export function mlflowClient({
  uri,
  authorization,
  signal,
  callMs = CALL_MS,
  uploadMs = UPLOAD_MS,
}: ClientOptions): MlflowClient {
  const base = uri.replace(/\/+$/, '')
  const headers = authorization === null ? {} : { authorization: authorization.reveal() }

  async function ask(address: string, init: Asking, timeoutMs: number): Promise<string> {
    let response: Response
    let text: string
    try {
      response = await fetch(`${base}${address}`, {
        ...init,
        headers: { ...headers, ...init.headers },
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      })
      text = await shortText(response)
    } catch (cause) {
      throw new MlflowError(wordsOf(cause), { temporary: !signal.aborted && !isForm(cause), cause })
    }
    if (response.ok) return text
    throw refusal(response.status, text)
  }

  return {
    async call(method, path, body) {
      const query = method === 'GET' ? `?${new URLSearchParams(Object.entries(body)).toString()}` : ''
      const text = await ask(
        `/api/2.0/mlflow/${path}${query}`,
        method === 'GET'
          ? { method }
          : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
        callMs,
      )
      return objectOf(text)
    },
    async upload(path, content) {
      // A blob of a file is read as it is sent. Bytes are never of shared memory, which is all that their type leaves open.
      const body = content instanceof Uint8Array ? (content as Uint8Array<ArrayBuffer>) : await openAsBlob(content.file)
      await ask(
        `/api/2.0/mlflow-artifacts/artifacts/${path.split('/').map(encodeURIComponent).join('/')}`,
        {
          method: 'PUT',
          headers: { 'content-type': 'application/octet-stream' },
          body,
        },
        uploadMs,
      )
    },
  }
}

async function shortText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > ANSWER_CHARS_MAX) throw new MlflowError('its answer has no end', { temporary: false })
  }
  return text
}

function objectOf(text: string): Answer {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new MlflowError('its answer is not JSON, so it is no MLflow', { temporary: false, cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new MlflowError('its answer is no JSON object, so it is no MLflow', { temporary: false })
}

function refusal(status: number, text: string): MlflowError {
  const { code, message } = errorOf(text)
  const said = message === '' ? '' : `: ${message.slice(0, 300)}`
  if (status === 403)
    return new MlflowError(
      `it refuses (403)${said}. MLflow 3.5 and later answers only to host names that it was given with --allowed-hosts`,
      { temporary: false, code },
    )
  if (status === 401)
    return new MlflowError(
      `it wants another MLFLOW_TRACKING_TOKEN, or a user and a password in MLFLOW_TRACKING_URI (401)${said}`,
      { temporary: false },
    )
  if (status >= 300 && status < 400)
    return new MlflowError(`it redirects (${status}): name the address itself`, { temporary: false })
  const temporary = status === 408 || status === 429 || status >= 500
  return new MlflowError(`it answers ${status}${code === '' ? '' : ` ${code}`}${said}`, { temporary, code })
}

function errorOf(text: string): { readonly code: string; readonly message: string } {
  try {
    const { error_code: code, message } = objectOf(text)
    return { code: typeof code === 'string' ? code : '', message: typeof message === 'string' ? message : '' }
  } catch {
    return { code: '', message: '' } // not from MLflow itself but from something before it
  }
}

function isForm(cause: unknown): boolean {
  return cause instanceof MlflowError ? !cause.temporary : cause instanceof TypeError && /URL/.test(cause.message)
}

function wordsOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause.name === 'TimeoutError') return 'it does not answer in time'
  const inner = cause.cause instanceof Error ? cause.cause.message : ''
  return inner === '' ? cause.message : inner
}
