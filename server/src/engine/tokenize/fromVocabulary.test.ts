import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bytePairTokenizer, wordPieceTokenizer } from './fromVocabulary.ts'
import { readTokenizer } from './tokenizer.ts'
import type { TokenizerJson } from './tokenizerJson.ts'

/** Of server/test/golden/import/vocabularies.py: what transformers makes of the same vocabularies. */
const golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/import/vocabularies.json', import.meta.url), 'utf8'),
)
const { words, pieces, merges } = golden.vocabulary
const rules = { stripAccents: null, handleChinese: true }

describe.each<[string, TokenizerJson]>([
  ['uncased', wordPieceTokenizer(words, { ...rules, lowercase: true })],
  ['cased', wordPieceTokenizer(words, { ...rules, lowercase: false })],
  ['roberta', bytePairTokenizer(pieces, merges.split('\n'), { addPrefixSpace: false })],
])('a vocabulary without a tokenizer.json: %s', (name, made) => {
  test('gets the one that transformers makes of it', () => {
    expect(made).toEqual(golden[name].tokenizer)
  })

  test('and the same tokens', () => {
    const tokenizer = readTokenizer(new TextEncoder().encode(JSON.stringify(made)), { maxLength: 512 })
    for (const [i, text] of golden.texts.entries()) expect([...tokenizer.encode(text).ids]).toEqual(golden[name].ids[i])
  })
})
