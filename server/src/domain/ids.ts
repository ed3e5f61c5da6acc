import type { Millis } from './time.ts'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const COUNTER_MAX = 0xfff

/**
 * A source of UUIDv7 ids (RFC 9562, section 5.7, method 1): 48 bits of milliseconds, a 12-bit counter in `rand_a` that
 * keeps the ids of one source ascending, 62 random bits. When a millisecond's counter is used up, or the clock goes
 * back, the id borrows from the next millisecond.
 *
 * @param random32 uniform 32-bit unsigned integers from a cryptographic source
 */
export function uuidv7Source(now: () => Millis, random32: () => number): () => string {
  let last = -1
  let counter = 0
  return () => {
    const at = now()
    if (at > last) {
      last = at
      counter = random32() & 0x7ff
    } else if (counter < COUNTER_MAX) counter++
    else {
      last++
      counter = 0
    }
    const high = Math.floor(last / 0x1_0000)
    const low = last & 0xffff
    const a = random32()
    const b = random32()
    return (
      HEX[(high >>> 24) & 255] +
      HEX[(high >>> 16) & 255] +
      HEX[(high >>> 8) & 255] +
      HEX[high & 255] +
      '-' +
      HEX[low >>> 8] +
      HEX[low & 255] +
      '-' +
      HEX[0x70 | (counter >>> 8)] +
      HEX[counter & 255] +
      '-' +
      HEX[0x80 | ((a >>> 24) & 0x3f)] +
      HEX[(a >>> 16) & 255] +
      '-' +
      HEX[(a >>> 8) & 255] +
      HEX[a & 255] +
      HEX[b >>> 24] +
      HEX[(b >>> 16) & 255] +
      HEX[(b >>> 8) & 255] +
      HEX[b & 255]
    )
  }
}

const UUIDV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export function isUuidv7(text: string): boolean {
  return UUIDV7.test(text)
}
