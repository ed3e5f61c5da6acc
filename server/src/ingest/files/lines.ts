/** Bytes → lines, one pass, with a limit on the length of a line. */

/** One line without its end; `text` is undefined where `bad` says why the line could not be read. */
export interface Line {
  /** 1 for the first line of the file. */
  readonly line: number
  readonly text: string | undefined
  readonly bad?: string
}

const NEWLINE = 10
const RETURN = 13

/**
 * Splits a stream at \n or \r\n. A byte-order mark at the start is dropped. A line that is longer than
 * `bytesMax`, or is not UTF-8, is given as bad, and the next one is read as usual.
 */
export async function* readLines(bytes: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Line[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let rest: Uint8Array[] = []
  let restBytes = 0
  let line = 0
  const finish = (tail: Uint8Array): Line => {
    line++
    const length = restBytes + tail.length
    const whole = restBytes === 0 ? tail : Buffer.concat([...rest, tail])
    rest = []
    restBytes = 0
    if (length > bytesMax) return { line, text: undefined, bad: `longer than ${bytesMax} bytes` }
    try {
      const text = decoder.decode(whole.at(-1) === RETURN ? whole.subarray(0, -1) : whole)
      return { line, text: line === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text }
    } catch {
      return { line, text: undefined, bad: 'not valid UTF-8' }
    }
  }
  for await (const chunk of bytes) {
    const batch: Line[] = []
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      batch.push(finish(chunk.subarray(from, at)))
      from = at + 1
    }
    const tail = chunk.subarray(from)
    // Past the limit only the length still matters, so an endless line takes no memory.
    if (restBytes <= bytesMax && tail.length > 0) rest.push(tail)
    restBytes += tail.length
    if (batch.length > 0) yield batch
  }
  if (restBytes > 0) yield [finish(new Uint8Array(0))]
}
