/** Tokens that are found in the text as they are written, before anything else looks at it: [MASK] and its like. */
import type { FindTokens } from './wordPiece.ts'

/** As in tokenizer.json. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  readonly single_word?: boolean
  readonly lstrip?: boolean
  readonly rstrip?: boolean
  readonly normalized?: boolean
  readonly special?: boolean
}

/** The leftmost comes first, of several at one place the longest. Between them `find` looks. */
export function splitAtAdded(added: readonly AddedToken[], find: FindTokens): FindTokens {
  const ids = new Map(added.filter(({ content }) => content !== '').map(({ content, id }) => [content, id]))
  if (ids.size === 0) return find
  const longestFirst = [...ids.keys()].sort((a, b) => b.length - a.length)
  const pattern = new RegExp(longestFirst.map((content) => RegExp.escape(content)).join('|'), 'g')
  return (text, from, to, into) => {
    let at = from
    pattern.lastIndex = from
    for (let match = pattern.exec(text); match !== null && !into.isFull; match = pattern.exec(text)) {
      const [content] = match
      find(text, at, match.index, into)
      if (into.isFull) return
      at = match.index + content.length
      into.push(ids.get(content) ?? 0, match.index, at) // the pattern is made of the keys
    }
    if (!into.isFull) find(text, at, to, into)
  }
}
