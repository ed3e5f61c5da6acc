/**
 * The HTTP server below Fastify: what one connection, and all connections together, may have under way and unsent.
 *
 * Node hands over every request that one read of the socket brings, up to 2,500 of them, before it looks at what the
 * peer has taken of the answers. So a peer that sends and never reads would make the server hold thousands of answers.
 * Here requests of a connection are begun a few at a time; the others wait, and the socket is not read meanwhile.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionLimits {
  /** Changes (POST) of one connection that are under way at the same time; whatever reads begins alone. */
  readonly underWayMax: number
  /** While one connection has this many bytes unsent, none of its further requests begins. */
  readonly unsentBytesMax: number
  /** Requests of one connection that wait; a peer that sends more ahead is cut off. */
  readonly waitingMax: number
  /** Bytes unsent over all connections; beyond it those that stand still are cut off, the largest first. */
  readonly allUnsentBytesMax: number
  /** Open connections; a new one takes the place of the one idle longest, and is refused where none is. */
  readonly connectionsMax: number
}

/** How often unsent bytes are counted: what stands still from one look to the next may be cut off. */
const LOOK_MS = 500

interface Connection {
  readonly socket: Socket
  readonly underWay: Set<ServerResponse>
  readonly waiting: { readonly request: IncomingMessage; readonly response: ServerResponse }[]
  /** Unsent bytes at the last look. */
  unsent: number
}

/** A peer that has closed its half may have closed the whole: TCP says the same of both until something is sent. */
const HALF_CLOSED_MS = 1000
const halfClosedAt = new WeakMap<Socket, number>()

/**
 * Whether nobody is there for an answer that takes time to make: the connection is gone, or the peer closed its half
 * of it a second ago. An answer that is made sooner is sent to a half-closed connection.
 */
export function hasLeft(socket: Socket): boolean {
  if (socket.destroyed) return true
  const at = halfClosedAt.get(socket)
  return at !== undefined && performance.now() - at > HALF_CLOSED_MS
}

/** A server that hands requests to `handler` within the limits. What Fastify sets on a server of its own is left to the caller. */
export function pacedServer(
  options: Parameters<typeof createServer>[0] & object,
  limits: ConnectionLimits,
  handler: RequestListener,
): Server {
  const connections = new WeakMap<Socket, Connection>()
  /** All that have sent a request; the one that began its last one longest ago comes first. */
  const known = new Set<Connection>()
  const server = createServer(options, (request, response) => {
    const { socket } = request
    const connection = connections.get(socket) ?? opened(socket)
    if (connection.waiting.length === 0 && mayBegin(connection, request)) begin(connection, request, response)
    else hold(connection, request, response)
  })
  // A peer may close its half of the connection once it has sent its request; it gets its answer.
  Object.assign(server, { httpAllowHalfOpen: true }) // older than its types
  server.maxConnections = limits.connectionsMax
  let open = 0
  server.on('connection', (socket: Socket) => {
    if (++open >= limits.connectionsMax) closeIdle(known)
    socket.once('close', () => open--)
  })
  const look = setInterval(() => cutStanding(known, limits.allUnsentBytesMax), LOOK_MS).unref()
  server.once('close', () => clearInterval(look))
  return server

  function opened(socket: Socket): Connection {
    const connection: Connection = { socket, underWay: new Set(), waiting: [], unsent: 0 }
    connections.set(socket, connection)
    socket.once('end', () => halfClosedAt.set(socket, performance.now()))
    socket.once('close', () => {
      connection.waiting.length = 0
      connection.underWay.clear()
      known.delete(connection)
    })
    // Node resumes a socket by itself, for a body and after a drain.
    socket.on('resume', () => {
      if (connection.waiting.length > 0) socket.pause()
    })
    return connection
  }

  function mayBegin({ underWay }: Connection, { method }: IncomingMessage): boolean {
    if (underWay.size === 0) return true
    return method === 'POST' && underWay.size < limits.underWayMax && unsentBytes(underWay) < limits.unsentBytesMax
  }

  function begin(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    if (connection.underWay.size === 0) {
      known.delete(connection)
      known.add(connection)
    }
    connection.underWay.add(response)
    response.once('close', () => ended(connection, response))
    handler(request, response)
  }

  function hold(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    const { socket, waiting } = connection
    if (socket.destroyed) return
    if (waiting.length >= limits.waitingMax) {
      // Whoever sends so far ahead does not read; what it is owed would have to be kept for it.
      socket.destroy()
      return
    }
    waiting.push({ request, response })
    socket.pause()
  }

  /** An answer has been handed to the operating system, or its connection is gone. */
  function ended(connection: Connection, response: ServerResponse): void {
    const { socket, underWay, waiting } = connection
    underWay.delete(response)
    const waited = waiting.length > 0
    while (waiting.length > 0 && !socket.destroyed) {
      const { request, response: next } = waiting[0]
      if (!mayBegin(connection, request)) break
      waiting.shift()
      begin(connection, request, next)
    }
    if (waited && waiting.length === 0) socket.resume()
  }
}

/** Of answers that are made but not yet taken by the operating system. */
function unsentBytes(underWay: ReadonlySet<ServerResponse>): number {
  let bytes = 0
  for (const response of underWay) bytes += response.writableLength
  return bytes
}

/** Node's own closeIdleConnections would close those that have just come, too. */
function closeIdle(known: ReadonlySet<Connection>): void {
  for (const { socket, underWay } of known) {
    if (underWay.size > 0) continue
    socket.destroy()
    return
  }
}

/** A peer that takes its answer is never cut off here, however slow it is, unless it takes nothing between two looks. */
function cutStanding(known: ReadonlySet<Connection>, bytesMax: number): void {
  let total = 0
  const standing: { readonly connection: Connection; readonly unsent: number }[] = []
  for (const connection of known) {
    const unsent = unsentBytes(connection.underWay)
    total += unsent
    if (unsent > 0 && unsent >= connection.unsent && connection.unsent > 0) standing.push({ connection, unsent })
    connection.unsent = unsent
  }
  if (total <= bytesMax) return
  standing.sort((a, b) => b.unsent - a.unsent)
  for (const { connection, unsent } of standing) {
    if (total <= bytesMax) return
    connection.socket.destroy()
    total -= unsent
  }
}
