/** Which encoding bytes are in that are not UTF-8: a guess, for the words of a fault. Nothing is ever read by it. */
import { isUtf8 } from 'node:buffer'

/**
 * The most plausible encoding of bytes that are not UTF-8, by what the characters beyond ASCII would be: letters that
 * stand where letters stand, kana, frequent ideographs.
 */
export function likelyEncoding(bytes: Uint8Array): string {
  const sample = linesBeyondAscii(bytes)
  let best = { name: 'windows-1252', score: -Infinity }
  for (const name of CANDIDATES) {
    const score = plausibility(new TextDecoder(name).decode(sample))
    if (score > best.score) best = { name, score }
  }
  return best.name
}

/** How much is looked at. */
const SAMPLE_BYTES = 1 << 16

/** In the order of their frequency in the world: the first of equals is taken. */
const CANDIDATES = [
  'windows-1252',
  'macintosh',
  'shift_jis',
  'euc-jp',
  'gb18030',
  'euc-kr',
  'big5',
  'windows-1251',
  'windows-1250',
  'koi8-r',
]

function linesBeyondAscii(bytes: Uint8Array): Uint8Array {
  const lines: Uint8Array[] = []
  let length = 0
  for (let from = 0; from < bytes.length && length < SAMPLE_BYTES; ) {
    const at = bytes.indexOf(10, from)
    const end = at === -1 ? bytes.length : at + 1
    const line = bytes.subarray(from, Math.min(end, from + SAMPLE_BYTES))
    if (!isUtf8(line)) {
      lines.push(line)
      length += line.length
    }
    from = end
  }
  return Buffer.concat(lines)
}

/** Mean over the characters beyond ASCII. What stands beside them counts: no word mixes scripts. */
function plausibility(text: string): number {
  const characters = Array.from(text)
  let score = 0
  let count = 0
  for (const [i, character] of characters.entries()) {
    if (character < '\u0080') continue
    score += worth(character, characters[i - 1] ?? ' ', characters[i + 1] ?? ' ')
    count++
  }
  return count === 0 ? 0 : score / count
}

/** From −12 (cannot be) to 5 (frequent in its script). */
function worth(character: string, before: string, after: string): number {
  const point = character.codePointAt(0) ?? 0
  if (point === 0xfffd) return -12
  if (point < 0xa0 || (point >= 0xe000 && point <= 0xf8ff)) return -6
  const isInLatin = /[a-z]/i.test(before) || /[a-z]/i.test(after)
  if (point >= 0x3041 && point <= 0x30fe) return 4
  if (point >= 0xff61 && point <= 0xff9f) return -2
  if (point >= 0xac00 && point <= 0xd7a3) return isInLatin ? -1 : FREQUENT_KOREAN.includes(character) ? 4 : 1
  if (point >= 0x4e00 && point <= 0x9fff) return FREQUENT_IDEOGRAPHS.includes(character) ? 5 : isInLatin ? -1 : 0.5
  if (point >= 0x3000 && point <= 0x303f) return 2
  if (point >= 0xff01 && point <= 0xff5e) return 2
  const isInWord = /\p{Ll}/u.test(before)
  if (point >= 0x0400 && point <= 0x04ff) return isInLatin ? -4 : point >= 0x430 ? 3 : isInWord ? -3 : 1
  // Of all that windows-1252 has beyond ASCII, the apostrophe within a word is the most frequent in English.
  if (character === '’' && isInWord) return 2.5
  if ('“”‘’–—…€•„«»¿¡'.includes(character)) return 1.5
  if (/\p{Ll}/u.test(character)) return point < 0x100 ? 2 : 1
  if (/\p{Lu}/u.test(character)) return isInWord ? -3 : 1
  return -1.5
}

/** The most frequent of modern Chinese (Da 2004, ranks 1 to 120) with traditional forms and Japanese additions. */
const FREQUENT_IDEOGRAPHS =
  '的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運部屋朝食料理店員最高最悪好味'

const FREQUENT_KOREAN =
  '이다는을의에가고를은하한지로도서사기그나자리어아인있일해들대수정상시만보라스부없것과게안여었습니'
