import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeLinear, MODEL_FILE } from './linearCodec.ts'

test('the sentiment model in the box gives the bits that it gave when it was made', () => {
  const model = decodeLinear({
    [MODEL_FILE]: readFileSync(new URL(`../../../../starter/sentiment/${MODEL_FILE}`, import.meta.url)),
  })
  const digest = createHash('sha256')
  for (const text of [
    'I love this',
    'not good at all, sooo bad!!!',
    'It was 2019 and 404 people came 👍',
    'привет мир',
    '',
    'The film is 90 minutes of nothing. '.repeat(20),
    'ok :) 8/10 gr8',
  ])
    digest.update(new Uint8Array(model.score(text).probabilities.buffer))
  // As the code that made the model computed it.
  expect(digest.digest('hex')).toBe('99542419f86494ee62c463e573830e2535b8c679b000a0a00db2da4b7f6a4ca3')
})
