/** The texts of the load: cut out of IMDB's test reviews by one seeded rule, so that every server gets the same. */
import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { seededRandom } from '../src/math/random.ts'

export const textKinds = {
  /** A post, a ticket, a sentence or two. */
  short: { wordsMin: 12, wordsMax: 40 },
  /** A review: 230 words in the mean. */
  long: { wordsMin: 200, wordsMax: 260 },
} as const

export type TextKind = keyof typeof textKinds

const TEXTS = 512
const SEED = 3

/** The 25,000 test reviews, in the order of the file. */
export async function reviews(dataFolder: string): Promise<string[]> {
  const path = join(dataFolder, 'imdb/test.jsonl.gz')
  if (!existsSync(path)) throw new Error(`The bench cuts its texts out of ${path}, which is not there.`)
  const texts: string[] = []
  for await (const line of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) {
    const { text }: { text: string } = JSON.parse(line)
    texts.push(text)
  }
  return texts
}

/** 512 stretches of whole words: each from a review and a place drawn at random, of a length drawn at random. */
export function cut(from: readonly string[], kind: TextKind): string[] {
  const { wordsMin, wordsMax } = textKinds[kind]
  const random = seededRandom(SEED)
  const below = (n: number) => Math.floor(random() * n)
  const texts: string[] = []
  while (texts.length < TEXTS) {
    const words = from[below(from.length)].split(/\s+/).filter((word) => word !== '')
    const count = wordsMin + below(wordsMax - wordsMin + 1)
    if (words.length < count) continue
    const start = below(words.length - count + 1)
    texts.push(words.slice(start, start + count).join(' '))
  }
  return texts
}
