/**
 * How long the text kernels take, one core:  node server/bench/text/kernels.ts
 *
 * Texts: with BAROMETER_DATA, 2,000 test reviews (1,300 characters) and 2,000 test posts; else made from a seed.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bench, group, run } from 'mitata'
import { imdb, tweets } from '../../../starter/corpora.ts'
import { seededRandom } from '../../src/math/random.ts'
import { createFeatures, listFeatures } from '../../src/models/text/features.ts'
import { decodeLinear, MODEL_FILE } from '../../src/models/text/linearCodec.ts'
import { createTokens, tokenise } from '../../src/models/text/tokens.ts'

const TEXTS = 2000
const data = process.env['BAROMETER_DATA']
const file = readFileSync(new URL(`../../../starter/sentiment/${MODEL_FILE}`, import.meta.url))
const model = decodeLinear({ [MODEL_FILE]: file })
const { options } = model.parameters

for (const [name, texts] of Object.entries(await samples())) {
  const characters = texts.reduce((sum, text) => sum + text.length, 0) / texts.length
  let next = 0
  const text = (): string => texts[next++ % texts.length]
  const tokens = createTokens()
  const features = createFeatures()
  group(`${name}: ${texts.length} texts of ${characters.toFixed(0)} characters`, () => {
    bench('tokenise', () => tokenise(text(), tokens).count)
    bench('tokenise, list features', () => listFeatures(tokenise(text(), tokens), options, features).count)
    bench('score', () => model.score(text()).label)
    bench('explain', () => model.explain(text()).logits[0])
  })
}
group('loading', () => {
  bench('decode model.bin', () => decodeLinear({ [MODEL_FILE]: file }).labels.length)
})
await run()

async function samples(): Promise<Record<string, string[]>> {
  if (data === undefined) return { 'made-up posts': madeUp(25), 'made-up reviews': madeUp(230) }
  return { posts: await some(tweets(join(data), 'test')), reviews: await some(imdb(join(data), 'test')) }
}

async function some(rows: AsyncIterable<{ readonly text: string }>): Promise<string[]> {
  const texts: string[] = []
  for await (const { text } of rows) {
    texts.push(text)
    if (texts.length === TEXTS) break
  }
  return texts
}

/** Words of which the lower ones are frequent, as in any language (Zipf). */
function madeUp(words: number): string[] {
  const random = seededRandom(1)
  const word = (): string =>
    Math.floor(1 / (random() + 1e-4))
      .toString(26)
      .replace(/[0-9]/g, (d) => 'qrstuvwxyz'[Number(d)])
  return Array.from({ length: TEXTS }, () => Array.from({ length: words }, word).join(' '))
}
