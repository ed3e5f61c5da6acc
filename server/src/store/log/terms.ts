/**
 * The words of a search: each word a term, each "phrase in quotes" a term. Everything else is plain text. What has
 * neither letter nor digit cannot be found by either database and is left out.
 */
export function terms(words: string): readonly string[] {
  const found = words.matchAll(/"([^"]*)"?|([^\s"]+)/g)
  return Array.from(found, ([, phrase, word]) => (phrase ?? word).trim()).filter((term) => /[\p{L}\p{N}]/u.test(term))
}
