/**
 * Unpacks one block of LZ4 (the block format, without a frame), as Parquet's LZ4_RAW has it.
 *
 * A sequence is a token (4 bits of literal length, 4 of match length − 4), more length bytes where four bits are full,
 * the literals, and a match: how far back, in two bytes, little end first. The last one ends after its literals.
 *
 * @param bytesOut how many bytes it must give; neither more nor less is taken.
 * https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
export function unpackLz4(input: Uint8Array, bytesOut: number): Uint8Array {
  const out = new Uint8Array(bytesOut)
  let from = 0
  let to = 0
  const lengthOf = (nibble: number): number => {
    let length = nibble
    if (nibble !== 15) return length
    for (;;) {
      if (from >= input.length) throw broken('it ends within a length')
      const more = input[from++]
      length += more
      if (more !== 255) return length
    }
  }
  while (from < input.length) {
    const token = input[from++]
    const literals = lengthOf(token >> 4)
    if (from + literals > input.length || to + literals > bytesOut) throw broken('literals go beyond its end')
    out.set(input.subarray(from, from + literals), to)
    from += literals
    to += literals
    if (from === input.length) break
    if (from + 2 > input.length) throw broken('it ends within a match')
    const back = input[from] | (input[from + 1] << 8)
    from += 2
    const match = 4 + lengthOf(token & 15)
    if (back === 0 || back > to || to + match > bytesOut) throw broken('a match points outside of it')
    // A match may overlap with what it writes: byte by byte, in order.
    for (const end = to + match; to < end; to++) out[to] = out[to - back]
  }
  if (to !== bytesOut) throw broken(`it gives ${to} bytes instead of ${bytesOut}`)
  return out
}

function broken(why: string): Error {
  return new Error(`a block of LZ4 is broken: ${why}`)
}

/**
 * The older LZ4 of Parquet, as Hadoop writes it: blocks with their sizes (unpacked, packed; big end first) before them.
 * Some writers wrote a bare block under the same name.
 */
export function unpackHadoopLz4(input: Uint8Array, bytesOut: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const out = new Uint8Array(bytesOut)
  let from = 0
  let to = 0
  while (from + 8 <= input.length) {
    const unpacked = view.getUint32(from)
    const packed = view.getUint32(from + 4)
    if (from + 8 + packed > input.length || to + unpacked > bytesOut) return unpackLz4(input, bytesOut)
    out.set(unpackLz4(input.subarray(from + 8, from + 8 + packed), unpacked), to)
    from += 8 + packed
    to += unpacked
  }
  return from === input.length && to === bytesOut ? out : unpackLz4(input, bytesOut)
}
