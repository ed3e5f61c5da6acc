/**
 * Reads the answers of one HTTP/1.1 connection out of its bytes (RFC 9112, sections 4, 6 and 7): a fixed length, chunks,
 * or until the connection ends. It looks only at what a load generator needs, so that reading an answer costs less
 * than making it.
 */
export interface Answer {
  readonly status: number
  /** Length of head and body on the wire. */
  readonly bytes: number
  /** The body as text; to be called at once, before the next bytes come. */
  readonly body: () => string
  /** The server closes the connection after this answer. */
  readonly last: boolean
}

/** What came is no HTTP/1.1, or is longer than an answer may be. */
export class Malformed extends Error {
  override readonly name = 'Malformed'
}

const HEAD_BYTES_MAX = 64 * 1024
const BODY_BYTES_MAX = 64 * 2 ** 20
const HEAD_END = Buffer.from('\r\n\r\n')
const LINE_END = Buffer.from('\r\n')

export class AnswerReader {
  #bytes: Buffer = Buffer.alloc(0)

  /** @returns the answers that are complete with these bytes, oldest first. */
  read(bytes: Buffer): Answer[] {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    const answers: Answer[] = []
    while (this.#bytes.length > 0) {
      const headEnd = this.#bytes.indexOf(HEAD_END)
      if (headEnd < 0) {
        if (this.#bytes.length > HEAD_BYTES_MAX) throw new Malformed('The head of the answer is too long.')
        break
      }
      const head = headOf(this.#bytes.toString('latin1', 0, headEnd))
      const bodyAt = headEnd + HEAD_END.length
      const body = bodyOf(head, this.#bytes, bodyAt)
      if (body === null) {
        if (this.#bytes.length - bodyAt > BODY_BYTES_MAX) throw new Malformed('The body of the answer is too long.')
        break
      }
      // 1xx answers are interim: the real one follows (RFC 9110, 15.2).
      if (head.status >= 200) answers.push(answerOf(head, body, body.end))
      this.#bytes = this.#bytes.subarray(body.end)
    }
    return answers
  }

  /** The connection ended: an answer without a length ends with it. */
  end(): Answer[] {
    const headEnd = this.#bytes.indexOf(HEAD_END)
    if (headEnd < 0) return []
    const head = headOf(this.#bytes.toString('latin1', 0, headEnd))
    if (head.length !== null || head.chunked) return []
    const body = { parts: [this.#bytes.subarray(headEnd + HEAD_END.length)], end: this.#bytes.length }
    this.#bytes = Buffer.alloc(0)
    return [answerOf({ ...head, close: true }, body, body.end)]
  }
}

interface Head {
  readonly status: number
  readonly length: number | null
  readonly chunked: boolean
  readonly close: boolean
}

interface Body {
  readonly parts: readonly Buffer[]
  /** Where the answer ends in the bytes. */
  readonly end: number
}

function headOf(head: string): Head {
  const status = /^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(head)?.[1]
  if (status === undefined) throw new Malformed('The answer is not HTTP/1.1.')
  const length = /\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*(?:\r|$)/i.exec(head)?.[1]
  return {
    status: Number(status),
    length: length === undefined ? null : Number(length),
    chunked: /\r\ntransfer-encoding:[^\r]*chunked[ \t]*(?:\r|$)/i.test(head),
    close: /\r\nconnection:[ \t]*close/i.test(head),
  }
}

/** @returns null while the body is not complete. */
function bodyOf(head: Head, bytes: Buffer, from: number): Body | null {
  if (head.status < 200 || head.status === 204 || head.status === 304) return { parts: [], end: from }
  if (head.chunked) return chunksOf(bytes, from)
  if (head.length === null) return null
  const end = from + head.length
  return bytes.length < end ? null : { parts: [bytes.subarray(from, end)], end }
}

function chunksOf(bytes: Buffer, from: number): Body | null {
  const parts: Buffer[] = []
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf(LINE_END, at)
    if (lineEnd < 0) return null
    const size = /^[0-9a-f]{1,8}(?=[ \t]*(?:;|$))/i.exec(bytes.toString('latin1', at, lineEnd))?.[0]
    if (size === undefined) throw new Malformed('A chunk has no size.')
    at = lineEnd + LINE_END.length
    const length = Number.parseInt(size, 16)
    if (length === 0) return trailersEnd(bytes, at, parts)
    if (bytes.length < at + length + LINE_END.length) return null
    parts.push(bytes.subarray(at, at + length))
    at += length + LINE_END.length
  }
}

/** After the last chunk: lines of trailers, then an empty line. */
function trailersEnd(bytes: Buffer, from: number, parts: readonly Buffer[]): Body | null {
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf(LINE_END, at)
    if (lineEnd < 0) return null
    if (lineEnd === at) return { parts, end: at + LINE_END.length }
    at = lineEnd + LINE_END.length
  }
}

function answerOf(head: Head, { parts }: Body, bytes: number): Answer {
  return {
    status: head.status,
    bytes,
    body: () => (parts.length === 1 ? parts[0].toString() : Buffer.concat(parts).toString()),
    last: head.close,
  }
}
