/** The words of texts as BERT's rules see them, counted: what a vocabulary is built of. */
import { bertCharacters, kinds } from '../../../engine/tokenize/bertCharacters.ts'

/** Words that are counted at a time; beyond, those that occurred once so far are dropped, which a vocabulary can spare. */
const WORDS_MAX = 2_000_000

const characters = bertCharacters({ cleanText: true, handleChinese: true, stripAccents: true, lowercase: true })

/** Adds the words of one text to the counts. */
export function countWords(text: string, counts: Map<string, number>): void {
  const lowered = characters.lowered(text)
  let word = ''
  const end = (): void => {
    if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1)
    word = ''
  }
  for (let at = 0; at < text.length; at++) {
    const kind = characters.kindOf(text.charCodeAt(at))
    if (kind === kinds.plain && lowered !== null) {
      word += lowered[at]
    } else if (kind === kinds.space) {
      end()
    } else if (kind === kinds.alone) {
      end()
      word = text[at]
      end()
    } else {
      const codePoint = text.codePointAt(at) ?? 0 // at < length, so there is one
      if (codePoint > 0xffff) at++
      for (const one of characters.normalised(codePoint)) {
        if (one === ' ') end()
        else word += one
      }
    }
  }
  end()
  if (counts.size > WORDS_MAX) for (const [rare, count] of counts) if (count === 1) counts.delete(rare)
}
