/**
 * The linear model's file, model.bin (little-endian):
 *
 * | bytes           | what                                                                              |
 * |-----------------|-----------------------------------------------------------------------------------|
 * | 4               | magic `BMLT`                                                                      |
 * | 4               | format, 1                                                                         |
 * | 4               | length h of the header                                                            |
 * | h               | header: JSON in ASCII (labels, options, temperature, features, columns)           |
 * | 8 · columns     | biases, float64                                                                   |
 * | 8 · columns     | units, float64                                                                    |
 * | features · cols | weights, one column after another, signed bytes                                   |
 * | the rest        | hashes, ascending as unsigned, each the difference to the one before, as LEB128   |
 *
 * Reading checks every length before it uses it: what is cut short, or is something else, gives an Error with a
 * sentence, never a model.
 */
import { extras } from './extras.ts'
import { type LinearModel, linearModel } from './linearModel.ts'
import type { LinearOptions } from './linearParameters.ts'
import { weightTable } from './weightTable.ts'

export const MODEL_FILE = 'model.bin'

const MAGIC = 0x544c4d42
const FORMAT = 1
const HEADER_BYTES_MAX = 1 << 20
const LABELS_MAX = 1000
const FEATURES_MAX = 1 << 25

/** A linear model at rest: what the file holds. */
export interface LinearWeights {
  readonly labels: readonly string[]
  readonly options: LinearOptions
  readonly temperature: number
  readonly bias: Float64Array
  readonly units: Float64Array
  /** [features] strictly ascending as unsigned numbers, none 0 */
  readonly hashes: Int32Array
  /** [columns · features] one column after another */
  readonly weights: Int8Array
}

interface Header {
  readonly labels: readonly string[]
  readonly options: LinearOptions
  readonly temperature: number
  readonly features: number
  readonly columns: number
}

export function encodeLinear(model: LinearWeights): Uint8Array {
  const { labels, options, temperature, hashes, weights, bias, units } = model
  const header: Header = { labels, options, temperature, features: hashes.length, columns: bias.length }
  const text = JSON.stringify(header).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const bytes = new Uint8Array(12 + text.length + 16 * bias.length + weights.length + 5 * hashes.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, FORMAT, true)
  view.setUint32(8, text.length, true)
  for (let i = 0; i < text.length; i++) bytes[12 + i] = text.charCodeAt(i)
  let at = 12 + text.length
  for (const column of [bias, units]) {
    for (const value of column) {
      view.setFloat64(at, value, true)
      at += 8
    }
  }
  bytes.set(new Uint8Array(weights.buffer, weights.byteOffset, weights.length), at)
  at += weights.length
  let before = 0
  for (let f = 0; f < hashes.length; f++) {
    let gap = (hashes[f] >>> 0) - before
    before = hashes[f] >>> 0
    for (; gap > 127; gap = Math.floor(gap / 128)) bytes[at++] = (gap & 127) | 128
    bytes[at++] = gap
  }
  return bytes.slice(0, at)
}

/** The model in `files`; throws an Error that says what is wrong with them. */
export function decodeLinear(files: Readonly<Record<string, Uint8Array>>): LinearModel {
  const bytes = files[MODEL_FILE]
  if (bytes === undefined) throw new Error(`${MODEL_FILE} is missing`)
  const { labels, options, temperature, bias, units, hashes, weights } = readLinear(bytes)
  const readExtra = options.extra === null ? null : extras[options.extra]
  if (readExtra === undefined)
    throw new Error(`${MODEL_FILE} needs the unknown reader of extra features ${options.extra}`)
  return linearModel({
    labels,
    options,
    temperature,
    bias,
    units,
    readExtra,
    table: weightTable(hashes, weights, bias.length),
  })
}

export function readLinear(bytes: Uint8Array): LinearWeights {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12 || view.getUint32(0, true) !== MAGIC)
    throw new Error(`${MODEL_FILE} is not a linear text model`)
  const format = view.getUint32(4, true)
  if (format !== FORMAT) throw new Error(`${MODEL_FILE} has format ${format}; this version reads ${FORMAT}`)
  const headerBytes = view.getUint32(8, true)
  if (headerBytes > HEADER_BYTES_MAX || 12 + headerBytes > bytes.length) throw cutShort()
  const header = parseHeader(bytes.subarray(12, 12 + headerBytes))
  const { features, columns } = header
  let at = 12 + headerBytes
  if (at + 16 * columns + columns * features + features > bytes.length) throw cutShort()
  const column = (): Float64Array => {
    const values = Float64Array.from({ length: columns }, (_, k) => view.getFloat64(at + 8 * k, true))
    if (!values.every(Number.isFinite)) throw new Error(`${MODEL_FILE} holds a number that is not finite`)
    at += 8 * columns
    return values
  }
  const bias = column()
  const units = column()
  const weights = new Int8Array(Uint8Array.prototype.slice.call(bytes, at, at + columns * features).buffer)
  at += columns * features
  const hashes = readHashes(bytes, at, features)
  return {
    labels: header.labels,
    options: header.options,
    temperature: header.temperature,
    bias,
    units,
    hashes,
    weights,
  }
}

function readHashes(bytes: Uint8Array, from: number, features: number): Int32Array {
  const hashes = new Int32Array(features)
  let at = from
  let before = 0
  for (let f = 0; f < features; f++) {
    let gap = 0
    let shift = 1
    let byte: number
    do {
      if (at >= bytes.length) throw cutShort()
      byte = bytes[at++]
      gap += (byte & 127) * shift
      shift *= 128
    } while (byte > 127 && shift < 2 ** 35)
    before += gap
    if (gap === 0 || byte > 127 || before > 0xffffffff) throw new Error(`${MODEL_FILE} holds hashes out of order`)
    hashes[f] = before | 0
  }
  if (at !== bytes.length) throw new Error(`${MODEL_FILE} goes on after its end`)
  return hashes
}

/** The header, every field looked at: it is the only part of the file with structure. */
function parseHeader(bytes: Uint8Array): Header {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  let header: Header
  try {
    header = JSON.parse(text) as Header // checked field by field below
  } catch (cause) {
    throw new Error(`${MODEL_FILE} has a header that is not JSON`, { cause })
  }
  const { labels, options, temperature, features, columns } = header ?? {}
  const whole = (value: unknown, low: number, high: number): boolean =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high // an integer is a number
  const sound =
    Array.isArray(labels) &&
    labels.length >= 2 &&
    labels.length <= LABELS_MAX &&
    labels.every((label) => typeof label === 'string') &&
    whole(features, 0, FEATURES_MAX) &&
    columns === (labels.length === 2 ? 1 : labels.length) &&
    Number.isFinite(temperature) &&
    temperature > 0 &&
    whole(options?.words, 1, 3) &&
    typeof options.negation === 'boolean' &&
    typeof options.punctuation === 'boolean' &&
    (options.numbers === undefined || options.numbers === 'folded' || options.numbers === 'both') &&
    Number.isFinite(options.lengthPower) &&
    (options.long === null ||
      (whole(options.long?.from, 0, 1e6) && whole(options.long.to, options.long.from + 1, 1e6))) &&
    (options.extra === null || typeof options.extra === 'string') &&
    (options.characters === null ||
      (whole(options.characters?.min, 1, 16) && whole(options.characters.max, options.characters.min, 16)))
  if (!sound) throw new Error(`${MODEL_FILE} has a header that does not describe a model`)
  return header
}

function cutShort(): Error {
  return new Error(`${MODEL_FILE} is cut short`)
}
