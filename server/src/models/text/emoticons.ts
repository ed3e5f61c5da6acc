/** Western emoticons, read where the tokeniser meets eyes (: ; =) or a heart (<3, &lt;3). */
import { hashText } from '../../math/hash.ts'
import { asciiFold } from './characters.ts'

const moods = [
  '',
  'happy',
  'sad',
  'crying',
  'wink',
  'laugh',
  'playful',
  'sceptical',
  'surprised',
  'kiss',
  'angry',
  'heart',
  'broken-heart',
] as const
const tokens = Int32Array.from(moods, (mood) => hashText(`<${mood}>`))
type Mood = (typeof moods)[number]
const of = (mood: Mood): number => moods.indexOf(mood)

const mouths = new Uint8Array(128)
for (const [units, mood] of [
  [')]}>', 'happy'],
  ['([{<', 'sad'],
  ['dD', 'laugh'],
  ['pPbB', 'playful'],
  ['/\\|sS', 'sceptical'],
  ['oO0', 'surprised'],
  ['*', 'kiss'],
  ['@', 'angry'],
  ['3', 'happy'],
  ['cC', 'sad'],
] as const) {
  for (let i = 0; i < units.length; i++) mouths[units.charCodeAt(i)] = of(mood)
}

/** The hash of the token of a found emoticon. */
export function emoticonToken(found: number): number {
  return tokens[found >>> 8]
}

/** How many units of text a found emoticon takes. */
export function emoticonUnits(found: number): number {
  return found & 255
}

/** Is there an emoticon at `at`? 0, or its mood · 256 + its length. */
export function emoticonAt(text: string, at: number): number {
  const eyes = text.charCodeAt(at)
  if (eyes === 0x3c || eyes === 0x26) return heartAt(text, at, eyes)
  if (eyes !== 0x3a && eyes !== 0x3b && eyes !== 0x3d) return 0
  const before = at > 0 ? text.charCodeAt(at - 1) : 0x20
  const wordBefore = isWordUnit(before)
  if (eyes === 0x3d && before !== 0x20 && before !== 0x0a) return 0
  let i = at + 1
  let tear = false
  const nose = text.charCodeAt(i)
  if (nose === 0x27) {
    tear = true
    i++
  }
  if (text.charCodeAt(i) === 0x2d || text.charCodeAt(i) === 0x5e || (text.charCodeAt(i) | 32) === 0x6f) {
    const mouthAfter = text.charCodeAt(i + 1)
    if (mouthAfter < 128 && mouths[mouthAfter] !== 0 && !isWordUnit(mouthAfter)) i++
    else if (text.charCodeAt(i) === 0x2d) i++
  }
  if (i >= text.length) return 0
  const mouth = text.charCodeAt(i)
  const mood = mouth < 128 ? mouths[mouth] : 0
  if (mood === 0) return 0
  const after = i + 1 < text.length ? text.charCodeAt(i + 1) : 0x20
  // :D :P :3 must stand free on both sides, :( :/ must not run into a word or a path (error:(5), http://).
  if (isWordUnit(mouth) && (wordBefore || isWordUnit(after))) return 0
  if (isWordUnit(after) || (mouth === 0x2f && (after === 0x2f || wordBefore))) return 0
  let end = i + 1
  while (end < text.length && text.charCodeAt(end) === mouth && end - at < 200) end++
  return (shade(mood, eyes, tear) << 8) | (end - at)
}

function shade(mood: number, eyes: number, tear: boolean): number {
  if (tear && mood === of('sad')) return of('crying')
  if (eyes === 0x3b && mood === of('happy')) return of('wink')
  return mood
}

/** <3, <33, </3 and their escaped forms. */
function heartAt(text: string, at: number, first: number): number {
  let i = at + 1
  if (first === 0x26) {
    if (!text.startsWith('&lt;', at)) return 0
    i = at + 4
  }
  const broken = text.charCodeAt(i) === 0x2f
  if (broken) i++
  if (text.charCodeAt(i) !== 0x33) return 0
  while (text.charCodeAt(i) === 0x33 && i - at < 200) i++
  if (isWordUnit(text.charCodeAt(i))) return 0
  return (of(broken ? 'broken-heart' : 'heart') << 8) | (i - at)
}

/** An ASCII letter or digit; NaN (past the end) is not. */
function isWordUnit(unit: number): boolean {
  return unit < 128 && asciiFold[unit] !== 0
}
