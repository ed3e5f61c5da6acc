/** Rows that a small model can learn to tell apart. */

import type { LabelledText } from '../src/evaluation/measure.ts'
import { seededRandom } from '../src/math/random.ts'

const praise = ['wonderful', 'delightful', 'reliable', 'friendly', 'excellent', 'pleasant']
const blame = ['horrible', 'disappointing', 'broken', 'rude', 'terrible', 'useless']
const filler = ['the', 'staff', 'hotel', 'room', 'was', 'and', 'our', 'stay', 'breakfast', 'really', 'quite', 'this']

/** Sentences of which one word says the label. */
export function stays(count: number, seed: number): LabelledText[] {
  const random = seededRandom(seed)
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]
  return Array.from({ length: count }, () => {
    const label = random() < 0.5 ? 'negative' : 'positive'
    const words = Array.from({ length: 4 + Math.floor(10 * random()) }, () => pick(filler))
    words[Math.floor(random() * words.length)] = pick(label === 'positive' ? praise : blame)
    return { text: `${words.join(' ')}.`, label }
  })
}
