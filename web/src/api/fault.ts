import type { FaultBody } from '@barometer/wire'

/** A request that did not succeed, in the server's own words and with its code. */
export class ApiFault extends Error {
  readonly code: string
  /** 0 when no answer came at all. */
  readonly status: number
  readonly requestId: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: string, status: number, message: string, requestId?: string, retryAfterSeconds?: number) {
    super(message)
    this.name = 'ApiFault'
    this.code = code
    this.status = status
    this.requestId = requestId
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export const unreachable = (): ApiFault => new ApiFault('unreachable', 0, 'The server does not answer.')

/** Reads the fault out of an answer; a proxy in between may have written something that is not ours. */
export function faultOf(status: number, body: unknown, retryAfter: string | null): ApiFault {
  const seconds = retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined
  if (isFaultBody(body)) return new ApiFault(body.error.code, status, body.error.message, body.error.requestId, seconds)
  return new ApiFault(`http_${status}`, status, `The answer was ${status}, without a reason.`, undefined, seconds)
}

function isFaultBody(body: unknown): body is FaultBody {
  if (typeof body !== 'object' || body === null || !('error' in body)) return false
  const { error } = body
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string' &&
    'message' in error &&
    typeof error.message === 'string'
  )
}

/** Worth asking again by itself: the server was away or had too much to do. */
export function isPassing(error: unknown): boolean {
  return error instanceof ApiFault && (error.status === 0 || error.status === 503 || error.status === 502)
}
