/**
 * The public corpora that the starter models are made of, read from the folder that BAROMETER_DATA names.
 * Each reader knows its corpus's traps; what it gives is { text, label } with the labels of its own task.
 */
import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip, gunzipSync } from 'node:zlib'
import type { LexiconGroup } from '../server/src/models/text/recipe.ts'
import { plainEmoji } from './sentences.ts'

export interface Labelled {
  readonly text: string
  readonly label: string
  /** Rows of one group must not straddle a split. */
  readonly group?: string
}

export const sentimentLabels = ['negative', 'neutral', 'positive'] as const
export const reviewLabels = ['negative', 'positive'] as const

/** The 25,000 reviews of one side, in the file's order: all of one class first. */
export async function* imdb(data: string, part: 'train' | 'test'): AsyncGenerator<Labelled> {
  for await (const line of lines(join(data, `imdb/${part}.jsonl.gz`))) {
    const { label, movie, text } = JSON.parse(line) as { label: number; movie: string; text: string } // its README's form
    yield { text, label: label === 1 ? 'positive' : 'negative', group: movie }
  }
}

/** Sentences of film reviews; five grades, of which 0 1 | 2 | 3 4 become three labels. */
export async function* sst(data: string, part: 'train' | 'dev' | 'test'): AsyncGenerator<Labelled> {
  for await (const line of lines(join(data, `sst/stsa.fine.${part}.gz`))) {
    const grade = Number(line[0])
    yield { text: line.slice(2), label: sentimentLabels[grade < 2 ? 0 : grade === 2 ? 1 : 2] }
  }
}

/** Posts of 2013 to 2017 (SemEval). The train part is rebuilt from the SemEval files; see the folder's README. */
export async function* tweets(data: string, part: 'train' | 'val' | 'test'): AsyncGenerator<Labelled> {
  const folder = join(data, 'tweeteval/sentiment')
  if (part === 'train') {
    for await (const line of lines(join(folder, 'train_reconstructed.tsv.gz'))) {
      const [label, , , ...text] = line.split('\t')
      yield { text: unescape(text.join('\t')), label: sentimentLabels[Number(label)] }
    }
    return
  }
  const texts = readFileSync(join(folder, `${part}_text.txt`), 'utf8').split('\n')
  const labels = readFileSync(join(folder, `${part}_labels.txt`), 'utf8')
    .trim()
    .split('\n')
  for (const [i, label] of labels.entries()) yield { text: unescape(texts[i]), label: sentimentLabels[Number(label)] }
}

/** Posts that 20 people rated from −4 to 4 (Hutto & Gilbert 2014); the sign of the mean is the label. Held out. */
export async function* ratedPosts(data: string): AsyncGenerator<Labelled> {
  for await (const line of lines(join(data, 'vader_gold/tweets_GroundTruth.txt.gz'))) {
    const [, rating, ...text] = line.split('\t')
    yield { text: text.join('\t'), label: Number(rating) > 0 ? 'positive' : 'negative' }
  }
}

/** Sentences of reviews of places (Shen et al. 2017), labelled by the whole review: noisy. For tests only. */
export async function* placeSentences(data: string): AsyncGenerator<Labelled> {
  for (const [side, label] of ['negative', 'positive'].entries()) {
    for await (const text of lines(join(data, `yelp_sentences/sentiment.test.${side}.gz`))) yield { text, label }
  }
}

/**
 * VADER's 7,520 words and emoticons by rounded valence (−3 … 3), its emoji by the valence of their names' words, and
 * Hu & Liu's positive and negative words.
 */
export function sentimentLexicon(data: string): LexiconGroup[] {
  const groups = new Map<string, string[]>()
  const add = (name: string, word: string): void => {
    const words = groups.get(name)
    if (words === undefined) groups.set(name, [word])
    else words.push(word)
  }
  const grade = (valence: number): string => `vader ${Math.max(-3, Math.min(3, Math.round(valence)))}`
  const valences = new Map<string, number>()
  for (const line of readLines(data, 'lexicons/vader_lexicon.txt.gz', 'utf8')) {
    const [word, valence] = line.split('\t')
    valences.set(word.toLowerCase(), Number(valence))
    add(grade(Number(valence)), word)
  }
  for (const line of readLines(data, 'lexicons/vader_emoji_utf8_lexicon.txt.gz', 'utf8')) {
    const [emoji, name] = line.split('\t')
    const known = name.split(/\W+/).flatMap((word) => valences.get(word) ?? [])
    if (known.length > 0) add(grade(known.reduce((sum, v) => sum + v, 0) / known.length), emoji)
  }
  for (const side of ['positive', 'negative']) {
    for (const word of readLines(data, `lexicons/hu_liu_${side}-words.txt.gz`, 'latin1')) {
      if (!word.startsWith(';')) add(`hu-liu ${side}`, word.trim())
    }
  }
  for (const emoji of plainEmoji.negative) add(grade(-2), emoji)
  for (const emoji of plainEmoji.positive) add(grade(2), emoji)
  return [...groups].map(([name, words]) => ({ name, words }))
}

/** The SemEval files keep some characters as \uXXXX and \"; TweetEval's val has the same. */
function unescape(text: string): string {
  return text
    .replace(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll('\\"', '"')
}

async function* lines(path: string): AsyncGenerator<string> {
  const file = createReadStream(path).pipe(createGunzip())
  for await (const line of createInterface({ input: file, crlfDelay: Number.POSITIVE_INFINITY }))
    if (line !== '') yield line
}

function readLines(data: string, path: string, encoding: BufferEncoding): string[] {
  return gunzipSync(readFileSync(join(data, path)))
    .toString(encoding)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
}
