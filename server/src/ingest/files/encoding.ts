/**
 * Bytes in any encoding → bytes in UTF-8, which is all that the readers know.
 *
 * A byte order mark decides; else `--encoding`; else it is UTF-8. What the encoding does not allow becomes the byte 0xFF,
 * which UTF-8 does not have: so the reader of a row sees that it was broken, and an honest U+FFFD stays what it is.
 */
import { Fault } from '../../domain/faults.ts'
import { likelyEncoding } from './likelyEncoding.ts'
import { peek } from './source.ts'

/** `assumed`: neither a mark nor a person has said it. */
export interface Encoding {
  readonly name: string
  readonly by: 'mark' | 'wish' | 'assumed'
}

const BROKEN = Uint8Array.of(0xff)

/** The longest first: the mark of UTF-32LE begins with that of UTF-16LE. */
const MARKS: readonly { readonly name: string; readonly bytes: readonly number[] }[] = [
  { name: 'utf-32le', bytes: [0xff, 0xfe, 0, 0] },
  { name: 'utf-32be', bytes: [0, 0, 0xfe, 0xff] },
  { name: 'utf-8', bytes: [0xef, 0xbb, 0xbf] },
  { name: 'utf-16le', bytes: [0xff, 0xfe] },
  { name: 'utf-16be', bytes: [0xfe, 0xff] },
]

/** Names that people use and the Encoding standard lacks. */
const ALIASES: Readonly<Record<string, string>> = {
  macroman: 'macintosh',
  'mac-roman': 'macintosh',
  cp932: 'shift_jis',
  'utf-32': 'utf-32le',
  utf32: 'utf-32le',
  'utf-32le': 'utf-32le',
  'utf-32be': 'utf-32be',
}

/**
 * The name by which we know an encoding; any of the Encoding standard's labels will do (latin1, cp1252, sjis …).
 *
 * @throws Fault data_broken where there is none.
 */
export function encodingName(word: string): string {
  const plain = word
    .trim()
    .toLowerCase()
    .replaceAll('_', word.includes('jis') ? '_' : '-')
  const alias = ALIASES[plain]
  if (alias !== undefined) return alias
  try {
    return new TextDecoder(plain).encoding
  } catch {
    throw new Fault('data_broken', {
      say: `There is no encoding “${word}”. Known are utf-8, utf-16le, utf-16be, utf-32le, windows-1252 (latin1), macintosh, shift_jis, gb18030, big5, euc-kr, windows-1251, koi8-r and the others of the Encoding standard.`,
    })
  }
}

/** How many bytes of a file without a mark are looked at for NULs. */
const LOOKED_AT = 4096

/**
 * Finds the encoding, and gives the bytes in UTF-8 without their mark.
 *
 * @throws Fault data_broken where a file without a mark is UTF-16, UTF-32 or no text at all.
 */
export async function decoded(
  bytes: AsyncIterable<Uint8Array>,
  wish: string | undefined,
): Promise<{ encoding: Encoding; bytes: AsyncIterable<Uint8Array> }> {
  const wished = wish === undefined ? undefined : encodingName(wish)
  // Two bytes without NUL or the start of a mark are enough: a pipe may say no more for a while.
  const { head, all } = await peek(bytes, (part, total) => total >= 4 || (total >= 2 && !MARK_BYTES.has(part[0])))
  const mark = MARKS.find((one) => one.bytes.every((byte, i) => head[i] === byte))
  const encoding: Encoding =
    mark !== undefined
      ? { name: mark.name, by: 'mark' }
      : wished !== undefined
        ? { name: wished, by: 'wish' }
        : { name: 'utf-8', by: 'assumed' }
  if (encoding.by === 'assumed') refuseNuls(head.subarray(0, LOOKED_AT))
  const body = mark === undefined ? all : without(all, mark.bytes.length)
  return { encoding, bytes: encoding.name === 'utf-8' ? body : transcoded(body, encoding.name) }
}

const MARK_BYTES: ReadonlySet<number> = new Set([0, 0xff, 0xfe, 0xef])

/** Text in UTF-16 without a mark is half NULs where it is Latin; a text in UTF-8 has hardly any. */
function refuseNuls(head: Uint8Array): void {
  const nuls = [0, 0, 0, 0]
  for (let i = 0; i < head.length; i++) if (head[i] === 0) nuls[i & 3]++
  const total = nuls[0] + nuls[1] + nuls[2] + nuls[3]
  if (total < 2 || total < head.length / 8) return
  const quarter = head.length / 4
  const [a, b, c, d] = nuls.map((count) => count > quarter / 2)
  const name =
    !a && b && c && d ? 'utf-32le' : a && b && c && !d ? 'utf-32be' : b && d ? 'utf-16le' : a && c ? 'utf-16be' : null
  if (name === null || (a && b && c && d))
    throw new Fault('data_broken', { say: 'This is no text: it is full of NUL bytes.' })
  const family = name.slice(0, 6).toUpperCase()
  throw new Fault('data_broken', { say: `This is ${family} without a byte order mark: say --encoding ${name}.` })
}

async function* without(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count
  for await (const part of bytes) {
    const from = Math.min(left, part.length)
    left -= from
    if (from < part.length) yield from === 0 ? part : part.subarray(from)
  }
}

async function* transcoded(bytes: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const decode = name.startsWith('utf-32')
    ? utf32(name === 'utf-32le')
    : name.startsWith('utf-16')
      ? utf16(name)
      : legacy(name)
  for await (const part of bytes) {
    const some = decode(part, false)
    if (some.length > 0) yield some
  }
  const last = decode(new Uint8Array(0), true)
  if (last.length > 0) yield last
}

type Decode = (part: Uint8Array, isLast: boolean) => Uint8Array

/** One byte or a few a character. None of these can spell U+FFFD but for GB 18030, so there it stands for broken bytes. */
function legacy(name: string): Decode {
  const decoder = new TextDecoder(name, { ignoreBOM: true })
  return (part, isLast) => encodeBut(decoder.decode(part, { stream: !isLast }), '\ufffd')
}

/** A half of a surrogate pair alone is what UTF-16 does not allow. */
function utf16(name: string): Decode {
  const big = name === 'utf-16be'
  let rest = new Uint8Array(0)
  return (part, isLast) => {
    const whole = Buffer.concat([rest, part])
    let end = whole.length & ~1
    const high = end >= 2 ? whole[big ? end - 2 : end - 1] : 0
    // A high surrogate at the end waits for its other half.
    if (!isLast && high >= 0xd8 && high <= 0xdb) end -= 2
    rest = new Uint8Array(whole.subarray(end))
    const units = Buffer.from(whole.subarray(0, end))
    if (big) units.swap16()
    const text = units.toString('utf16le')
    const some = text.isWellFormed() ? Buffer.from(text) : encodeBut(text, LONE_SURROGATE)
    return isLast && rest.length > 0 ? Buffer.concat([some, BROKEN]) : some
  }
}

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

function utf32(little: boolean): Decode {
  let rest = new Uint8Array(0)
  return (part, isLast) => {
    const whole = Buffer.concat([rest, part])
    const end = whole.length & ~3
    rest = new Uint8Array(whole.subarray(end))
    const view = new DataView(whole.buffer, whole.byteOffset, end)
    const points = new Uint32Array(end / 4)
    for (let i = 0; i < points.length; i++) points[i] = view.getUint32(4 * i, little)
    let text = ''
    // String.fromCodePoint takes its points as arguments, of which the stack holds some thousands.
    for (let i = 0; i < points.length; i += 4096)
      text += String.fromCodePoint(
        ...Array.from(points.subarray(i, i + 4096), (point) => (point < 0x110000 ? point : 0xdfff)),
      )
    const some = text.isWellFormed() ? Buffer.from(text) : encodeBut(text, LONE_SURROGATE)
    return isLast && rest.length > 0 ? Buffer.concat([some, BROKEN]) : some
  }
}

/** The text in UTF-8, with 0xFF in the place of each match. */
function encodeBut(text: string, broken: string | RegExp): Uint8Array {
  const pieces = text.split(broken)
  if (pieces.length === 1) return Buffer.from(text)
  return Buffer.concat(pieces.flatMap((piece, i) => (i === 0 ? [Buffer.from(piece)] : [BROKEN, Buffer.from(piece)])))
}

/** The refusal of a file that was taken for UTF-8 and is not. */
export function notUtf8(line: number, bytes: Uint8Array): Fault {
  const likely = likelyEncoding(bytes)
  return new Fault('data_broken', {
    say: `Line ${line} is not valid UTF-8. It looks like ${likely}: say --encoding ${likely}. (--encoding utf-8 reads the rest and leaves such lines out.)`,
  })
}
