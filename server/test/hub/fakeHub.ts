/** A hub on loopback: the real one's addresses, large files on a second host, and every way to misbehave. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Paths → bytes. */
export type RepositoryFiles = Readonly<Record<string, Uint8Array | string>>

export interface Asked {
  /** `hub` or `files`: the second host, as large files are kept. */
  readonly host: 'hub' | 'files'
  readonly path: string
  readonly authorisation: string | undefined
  readonly range: string | undefined
}

/** What goes wrong. Each can be changed between requests. */
export interface Mischief {
  /** Cuts the connection after so many bytes of a large file; the next connections, as often as said. */
  cut?: { after: number; times: number }
  /** Stalls for ever after so many bytes of a large file. */
  stallAfter?: number
  /** Ignores ranges, as some mirrors do. */
  noRanges?: boolean
  /** Changes the bytes of a file on their way. */
  forge?: (path: string, bytes: Uint8Array) => Uint8Array
  /** Changes the list of files. */
  list?: (entries: object[]) => unknown
  /** Answers every request so. */
  status?: { code: number; headers?: Record<string, string>; body?: string }
}

export interface FakeHub {
  readonly endpoint: string
  readonly asked: Asked[]
  readonly mischief: Mischief
  /** Bytes of large files that were sent. */
  sent(): number
  /** Gives a repository its next commit. */
  commit(repository: string, files: RepositoryFiles): string
  close(): Promise<void>
}

/** Above it a file is a large one: its proof is a sha256, and it lies on the second host. */
const LARGE_BYTES = 10_000

export async function fakeHub(options: { token?: string } = {}): Promise<FakeHub> {
  const repositories = new Map<string, { sha: string; files: Map<string, Buffer> }>()
  const asked: Asked[] = []
  const mischief: Mischief = {}
  let sent = 0

  const note = (host: Asked['host'], request: IncomingMessage): URL => {
    const url = new URL(request.url ?? '/', 'http://hub')
    const { authorization, range } = request.headers
    asked.push({ host, path: url.pathname, authorisation: authorization, range })
    return url
  }

  const hub = createServer((request, response) => {
    const url = note('hub', request)
    if (mischief.status)
      return end(response.writeHead(mischief.status.code, mischief.status.headers).end(mischief.status.body))
    if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`)
      return end(response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end())
    const info = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(url.pathname)
    const tree = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/([0-9a-f]{40})$/.exec(url.pathname)
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([0-9a-f]{40})\/(.+)$/.exec(url.pathname)
    const found = repositories.get((info ?? tree ?? file)?.[1] ?? '')
    if (found === undefined) return end(response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end())
    if (info) {
      if (info[2] !== 'main' && info[2] !== found.sha)
        return end(response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end())
      return json(response, { _id: '1', id: info[1], sha: found.sha, private: false, downloads: 0, gated: false })
    }
    if (tree) {
      const entries = [...found.files].map(([path, bytes]) => entryOf(path, bytes))
      return json(response, mischief.list?.(entries) ?? entries)
    }
    const path = decodeURIComponent(file?.[3] ?? '')
    const bytes = found.files.get(path)
    if (bytes === undefined) return end(response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end())
    if (bytes.length <= LARGE_BYTES) return end(response.end(mischief.forge?.(path, bytes) ?? bytes))
    response.writeHead(302, { location: `${address(files)}${url.pathname}` }).end()
  })

  const files = createServer((request, response) => {
    const url = note('files', request)
    const [, repository, path] = /^\/([^/]+\/[^/]+)\/resolve\/[0-9a-f]{40}\/(.+)$/.exec(url.pathname) ?? []
    const whole = repositories.get(repository)?.files.get(decodeURIComponent(path))
    if (whole === undefined) return end(response.writeHead(404).end())
    sendLarge(request, response, mischief.forge?.(path, whole) ?? whole)
  })

  function sendLarge(request: IncomingMessage, response: ServerResponse, whole: Uint8Array): void {
    const range = mischief.noRanges ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
    const start = range === null ? 0 : Number(range[1])
    if (start >= whole.length) return end(response.writeHead(416, { 'content-range': `bytes */${whole.length}` }).end())
    const part = whole.subarray(start)
    response.writeHead(range === null ? 200 : 206, {
      'content-length': part.length,
      ...(range === null ? {} : { 'content-range': `bytes ${start}-${whole.length - 1}/${whole.length}` }),
    })
    const { cut, stallAfter } = mischief
    if (cut !== undefined && cut.times > 0) {
      cut.times--
      sent += Math.min(cut.after, part.length)
      response.write(part.subarray(0, cut.after), () => setTimeout(() => response.destroy(), 20))
    } else if (stallAfter !== undefined) {
      sent += Math.min(stallAfter, part.length)
      response.write(part.subarray(0, stallAfter))
    } else {
      sent += part.length
      response.end(part)
    }
  }

  await Promise.all(
    [hub, files].map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))),
  )
  return {
    endpoint: address(hub),
    asked,
    mischief,
    sent: () => sent,
    commit(repository, given) {
      const entries = Object.entries(given).map(([path, bytes]) => [path, Buffer.from(bytes)] as const)
      const sha = createHash('sha1')
        .update(JSON.stringify(entries.map(([path, bytes]) => entryOf(path, bytes))))
        .digest('hex')
      repositories.set(repository, { sha, files: new Map(entries) })
      return sha
    },
    async close() {
      for (const server of [hub, files]) {
        server.closeAllConnections()
        if (server.listening) await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

function address(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // listening on TCP
}

/** A response that is under way returns itself; a handler returns nothing. */
function end(_response: ServerResponse): void {}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function entryOf(path: string, bytes: Uint8Array): object {
  const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
  if (bytes.length <= LARGE_BYTES) return { type: 'file', path, size: bytes.length, oid }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  // A large file's own oid is that of the pointer to it.
  const pointer = createHash('sha1').update(path).digest('hex')
  return {
    type: 'file',
    path,
    size: bytes.length,
    oid: pointer,
    lfs: { oid: sha256, size: bytes.length, pointerSize: 130 },
  }
}
