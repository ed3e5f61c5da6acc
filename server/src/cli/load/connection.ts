import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type Answer, AnswerReader, Malformed } from './answers.ts'
import type { Target } from './target.ts'

export type { Answer } from './answers.ts'

export interface Listener {
  answered(answer: Answer): void
  /** The socket is gone; `why` is `closed`, `malformed`, what abandon() said, or the system's word (ECONNREFUSED …). */
  lost(why: string): void
}

/**
 * One keep-alive connection with at most one request under way, straight on a socket: node:http's client costs more
 * than the server that it is to load. Connects at the first request, and again after the connection was lost.
 */
export class Connection {
  readonly #target: Target
  readonly #listener: Listener
  #socket: Socket | null = null

  constructor(target: Target, listener: Listener) {
    this.#target = target
    this.#listener = listener
  }

  send(request: Buffer): void {
    this.#socket ??= this.#open()
    this.#socket.write(request)
  }

  /** Drops the socket and whatever is under way on it. */
  abandon(why: string): void {
    const socket = this.#socket
    this.#socket = null
    socket?.destroy()
    if (socket !== null) this.#listener.lost(why)
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = null
  }

  #open(): Socket {
    const { host, port, tls } = this.#target
    const socket = tls ? connectTls({ host, port, servername: host }) : connect({ host, port })
    const reader = new AnswerReader()
    let why = 'closed'
    socket.setNoDelay(true)
    const take = (answers: readonly Answer[]) => {
      for (const answer of answers) {
        if (answer.last && this.#socket === socket) {
          this.#socket = null
          socket.destroy()
        }
        this.#listener.answered(answer)
      }
    }
    socket.on('data', (bytes: Buffer) => {
      try {
        take(reader.read(bytes))
      } catch (error) {
        if (!(error instanceof Malformed)) throw error
        if (this.#socket === socket) this.abandon('malformed')
      }
    })
    socket.on('end', () => take(reader.end()))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      why = error.code ?? error.message
    })
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#socket = null
      this.#listener.lost(why)
    })
    return socket
  }
}
