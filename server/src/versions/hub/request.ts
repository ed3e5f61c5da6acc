/** One request to the Hub: the token goes to the Hub alone, everything has a timeout, every failure is a Fault. */
import { Fault } from '../../domain/faults.ts'
import type { Hub } from './hub.ts'

const REDIRECTS_MAX = 5

/** There was no answer, or it ended too soon, or it was that the hub cannot answer now. */
export class ConnectionBroken extends Error {
  override readonly name = 'ConnectionBroken'
  /** Whether a retry may succeed in a moment, unlike for an unknown host. */
  readonly mayRecover: boolean

  constructor(message: string, options: ErrorOptions & { readonly mayRecover: boolean }) {
    super(message, options)
    this.mayRecover = options.mayRecover
  }
}

/**
 * Follows redirects itself, because large files lie on other hosts, which must never receive the token.
 *
 * @param headers beside the token's
 * @returns an answer of status 200 or 206 (or 416, which says that nothing is left to send); its body must be read
 *   with `chunks`
 * @throws ConnectionBroken where there was no answer; a Fault where the answer is a refusal
 */
export async function request(
  hub: Hub,
  address: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Response> {
  const home = new URL(hub.endpoint)
  let url = new URL(address)
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    const mayKnow = hub.token !== null && url.origin === home.origin
    const response = await within(hub.limits.idleSeconds, signal, url, (given) =>
      fetch(url, {
        redirect: 'manual',
        signal: given,
        headers: {
          ...headers,
          'user-agent': 'barometer',
          // Compressed on the way, a range would count other bytes than the file has.
          'accept-encoding': 'identity',
          ...(mayKnow ? { authorization: `Bearer ${hub.token}` } : {}),
        },
      }),
    )
    const next = response.headers.get('location')
    if (response.status >= 300 && response.status < 400 && next !== null) {
      await response.body?.cancel()
      url = redirected(url, next, home)
      continue
    }
    if (response.ok || response.status === 416) return response
    await response.body?.cancel()
    throw refusal(response, url)
  }
  throw new Fault('hub_broken', { say: `${home.host} redirects more than ${REDIRECTS_MAX} times.` })
}

function redirected(from: URL, location: string, home: URL): URL {
  const to = URL.canParse(location, from) ? new URL(location, from) : null
  if (to === null || (to.protocol !== 'https:' && to.protocol !== 'http:'))
    throw new Fault('hub_broken', { say: `${from.host} redirects to an address that is none.` })
  if (home.protocol === 'https:' && to.protocol !== 'https:')
    throw new Fault('hub_broken', { say: `${from.host} redirects to ${to.host} without encryption.` })
  return to
}

/** A small answer, whole. A hub that is busy or down for a moment is retried. */
export async function ask(
  hub: Hub,
  address: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ readonly response: Response; readonly body: Uint8Array<ArrayBuffer> }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await request(hub, address, headers, signal)
      return { response, body: await wholeBody(hub, response, signal) }
    } catch (error) {
      if (!(error instanceof ConnectionBroken && error.mayRecover) || attempt >= hub.limits.attempts) throw error
      await pause(hub.limits.pauseMs * 2 ** attempt, signal)
    }
  }
}

/** The body piece by piece; each piece must come within the idle time. */
export async function* chunks(hub: Hub, response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  const { host } = new URL(response.url)
  const reader = response.body.getReader()
  try {
    for (;;) {
      const { done, value } = await within(hub.limits.idleSeconds, signal, { host }, () => reader.read())
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

async function wholeBody(hub: Hub, response: Response, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of chunks(hub, response, signal)) {
    length += piece.length
    if (length > hub.limits.answerBytes)
      throw new Fault('hub_broken', { say: `The hub's answer has more than ${hub.limits.answerBytes} bytes.` })
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

async function within<T>(
  seconds: number,
  signal: AbortSignal,
  { host }: { readonly host: string },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timer = new AbortController()
  let wakeUp: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    wakeUp = setTimeout(() => {
      reject(new ConnectionBroken(`${host} sent nothing for ${seconds} seconds`, { mayRecover: false }))
      timer.abort()
    }, seconds * 1000)
  })
  try {
    return await Promise.race([work(AbortSignal.any([signal, timer.signal])), late])
  } catch (error) {
    if (signal.aborted || error instanceof ConnectionBroken) throw error
    throw new ConnectionBroken(`the connection to ${host} failed: ${reasonOf(error)}`, {
      cause: error,
      mayRecover: false,
    })
  } finally {
    clearTimeout(wakeUp)
  }
}

/** fetch says “fetch failed” and hides why in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (cause instanceof Error)
    return 'code' in cause ? `${cause.message || cause.name} (${String(cause.code)})` : cause.message
  return error.message
}

function refusal(response: Response, { host }: URL): Fault | ConnectionBroken {
  const { status } = response
  const code = response.headers.get('x-error-code')
  if (status === 401 || status === 403 || code === 'GatedRepo')
    return new Fault('hub_refused', {
      say:
        code === 'GatedRepo'
          ? `The model is gated: accept its terms on ${host}, then set HF_TOKEN to a token of that account.`
          : `${host} does not give the model: it does not exist, or HF_TOKEN must be set to a token that may read it.`,
    })
  if (status === 404)
    return new Fault('hub_unknown', {
      say:
        code === 'RevisionNotFound'
          ? `${host} knows the model, but not that revision.`
          : `${host} has no such model or file.`,
    })
  if (status === 429 || status >= 500) return new ConnectionBroken(`${host} answered ${status}`, { mayRecover: true })
  return new Fault('hub_broken', { say: `${host} answered ${status}, which makes no sense here.` })
}

/** Waits, unless it is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      if (signal.aborted) reject(signal.reason as Error)
      else resolve()
    }
  })
}
