/**
 * What a JSON body is made of, before it is parsed: how deep it nests and how many values it has. A body of 33 MB of
 * `[[],[],…` has eleven million of them, and JSON.parse would stop everybody else for seconds.
 */

export interface JsonLimits {
  /** Arrays and objects inside each other. */
  readonly depthMax: number
  /** Values, names of members not counted. */
  readonly valuesMax: number
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c]
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * One pass over the bytes that jumps over strings and ends at the first excess. It judges only the shape: whether it is
 * JSON at all, the parser says.
 *
 * @returns in words what is too much; null where nothing is
 */
export function jsonExcess(body: Buffer, { depthMax, valuesMax }: JsonLimits): string | null {
  let depth = 0
  let values = 1
  for (let i = 0; i < body.length; i++) {
    switch (body[i]) {
      case QUOTE:
        i = endOfString(body, i)
        break
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        values++
        if (++depth > depthMax) return `it nests more than ${depthMax} levels`
        break
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth--
        break
      case COMMA:
        values++
        break
      default:
    }
    if (values > valuesMax) return `it has more than ${valuesMax} values`
  }
  return null
}

/** The place of the quote that ends the string which begins at `start`; the end of the body where there is none. */
function endOfString(body: Buffer, start: number): number {
  for (let from = start + 1; ; ) {
    const end = body.indexOf(QUOTE, from)
    if (end === -1) return body.length
    let backslashes = 0
    while (body[end - 1 - backslashes] === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
    from = end + 1
  }
}
