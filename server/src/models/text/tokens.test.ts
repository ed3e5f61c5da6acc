import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashText } from '../../math/hash.ts'
import { createTokens, ELONGATED, NEGATED, PUNCTUATION, type Tokens, tokenise, WORD } from './tokens.ts'

/** Any UTF-16 text, lone surrogates and all. */
const utf16 = (maxLength = 20): fc.Arbitrary<string> =>
  fc.array(fc.nat(0xffff), { maxLength }).map((units) => String.fromCharCode(...units))

/** The tokens of a text: words by their units, the rest by what they cover; negated ones with a ¬. Punctuation left out. */
function read(text: string): string[] {
  const tokens = tokenise(text, createTokens())
  const list: string[] = []
  for (let t = 0; t < tokens.count; t++) {
    if ((tokens.flags[t] & PUNCTUATION) !== 0) continue
    const word = (tokens.flags[t] & WORD) !== 0
    const shown = word ? unitsOf(tokens, t) : text.slice(tokens.start[t], tokens.end[t])
    list.push((tokens.flags[t] & NEGATED) !== 0 ? `¬${shown}` : shown)
  }
  return list
}

function unitsOf(tokens: Tokens, t: number): string {
  return String.fromCharCode(...tokens.units.subarray(tokens.unitStart[t], tokens.unitEnd[t]))
}

/** Whether two texts are the same to the models, offsets aside. */
function hashes(text: string): number[] {
  const tokens = tokenise(text, createTokens())
  return Array.from({ length: tokens.count }, (_, t) => tokens.hash[t] * ((tokens.flags[t] & NEGATED) === 0 ? 1 : 3))
}

test('words are folded, whatever the script', () => {
  expect(read('Good GOOD Été ПРИВЕТ Ωmega')).toEqual(['good', 'good', 'été', 'привет', 'ωmega'])
})

test.each([
  ["I don't like it", "i do n't ¬like ¬it"],
  ['I dont like it', "i do n't ¬like ¬it"],
  ["I do n't like it", "i do n't ¬like ¬it"],
  ['I don’t like it', "i do n't ¬like ¬it"],
  ["CAN'T", "ca n't"],
  ['cannot', 'can not'],
  ["it's we're I've they'll", "it 's we 're i 've they 'll"],
  ["it 's", "it 's"],
  ["the 'best' film", 'the best film'],
])('%s → %s', (text, expected) => {
  expect(read(text).join(' ')).toBe(expected)
})

test('a negation reaches three words, not over a stop, and not over a but', () => {
  expect(read('not a very good film')).toEqual(['not', '¬a', '¬very', '¬good', 'film'])
  expect(read('not good, great')).toEqual(['not', '¬good', 'great'])
  expect(read('not good but great')).toEqual(['not', '¬good', 'but', 'great'])
  expect(read('not <br />good')).toEqual(['not', 'good'])
})

test('an elongated word is the word, marked, with its longer spelling beside it', () => {
  const tokens = tokenise('goooood soooo', createTokens())
  expect([tokens.flags[0] & ELONGATED, tokens.flags[1] & ELONGATED]).toEqual([ELONGATED, ELONGATED])
  expect([tokens.hash[1], tokens.spelling[0]]).toEqual([hashText('so'), hashText('good')])
  expect(hashes('sooo')).toEqual(hashes('soooooooo'))
  expect(tokenise('good', createTokens()).flags[0]).toBe(WORD)
})

test('small numbers and ratings are tokens of their own, long ones are folded into a class', () => {
  expect(hashes('8/10')).not.toEqual(hashes('2/10'))
  expect(hashes('7')).not.toEqual(hashes('8'))
  expect(hashes('2016')).toEqual(hashes('1999'))
  expect(hashes('10,000')).toEqual(hashes('23456'))
  expect(hashes('ab1234')).toEqual(hashes('ab9876'))
  expect(read('gr8 b4')).toEqual(['gr8', 'b4'])
})

test('emoticons are classes by mood, with or without a nose', () => {
  for (const happy of [':)', ':-)', '=)', ':)))', ':]']) expect(hashes(`so ${happy}`)).toEqual(hashes('so :)'))
  for (const sad of [':(', ':-(', ':[', ':((']) expect(hashes(`so ${sad}`)).toEqual(hashes('so :('))
  expect(hashes(":'(")).not.toEqual(hashes(':('))
  expect(hashes('&lt;3')).toEqual(hashes('<3'))
  expect(read(':D :P <3 </3')).toEqual([':D', ':P', '<3', '</3'])
})

test('what only looks like an emoticon is none', () => {
  expect(read('error:(5)')).toEqual(['error', '5'])
  expect(read('note:D a:b 10:30')).toEqual(['note', 'd', 'a', 'b', '10:30'])
  expect(read('x=(1)')).toEqual(['x', '1'])
})

test('addresses and names become one token each', () => {
  expect(read('see http://a.b/c?d=1, www.x.org @Some_One a@b')).toEqual([
    'see',
    'http://a.b/c?d=1,',
    'www.x.org',
    '@Some_One',
    'a',
    'b',
  ])
  expect(hashes('@one')).toEqual(hashes('@two'))
})

test('hashtags are split into their words', () => {
  expect(read('#BestDayEver #love')).toEqual(['best', 'day', 'ever', 'love'])
})

test('markup, entities and treebank brackets vanish', () => {
  expect(read('fine<br /><br />film &amp; co -lrb- really -rrb- a<b')).toEqual([
    'fine',
    'film',
    'co',
    'really',
    'a',
    'b',
  ])
})

test('runs of stops are classes by kind and number, emoji are code points without skin tone', () => {
  expect(hashes('wow!!')).toEqual(hashes('wow!!!!!'))
  expect(hashes('wow!')).not.toEqual(hashes('wow!!'))
  expect(hashes('what?!')).toEqual(hashes('what!?'))
  expect(hashes('👍🏽')).toEqual(hashes('👍'))
  expect(read('❤️❤️')).toEqual(['❤', '❤'])
})

test('scripts without spaces give a token a character', () => {
  expect(read('日本語です')).toEqual(['日', '本', '語', 'で', 'す'])
})

const pieces = [
  "n't",
  '<br />',
  '😀',
  '\ud800',
  '\udc00',
  '\0',
  ':-(',
  '#A',
  '@b',
  '…',
  "'",
  '&lt;',
  'http://',
  'ooo',
  '-lrb-',
  '8/10',
  '-',
  '\u200d',
]
const odd = fc.array(fc.oneof(utf16(), fc.constantFrom(...pieces))).map((parts) => parts.join(''))

test('any UTF-16 text gives tokens in order, inside the text, without overlap', () => {
  const tokens = createTokens(16)
  fc.assert(
    fc.property(odd, (text) => {
      tokenise(text, tokens)
      let at = 0
      let words = 0
      for (let t = 0; t < tokens.count; t++) {
        if (tokens.start[t] < at || tokens.end[t] <= tokens.start[t] || tokens.hash[t] === 0) return false
        at = tokens.end[t]
        if ((tokens.flags[t] & WORD) === 0) continue
        words++
        if (tokens.unitEnd[t] <= tokens.unitStart[t]) return false
      }
      return at <= text.length && tokens.words === words
    }),
  )
})

test('a word is the hash of its units: what the model looks up is what the character n-grams read', () => {
  fc.assert(
    fc.property(odd, (text) => {
      const tokens = tokenise(text, createTokens())
      for (let t = 0; t < tokens.count; t++) {
        if ((tokens.flags[t] & WORD) !== 0) expect(tokens.hash[t]).toBe(hashText(unitsOf(tokens, t)))
      }
    }),
  )
})

test('what was read before leaves no trace', () => {
  const used = createTokens()
  fc.assert(
    fc.property(odd, odd, (before, text) => {
      tokenise(`${before} not`, used)
      const again = tokenise(text, used)
      const fresh = tokenise(text, createTokens())
      expect(again.count).toBe(fresh.count)
      expect(again.hash.slice(0, again.count)).toEqual(fresh.hash.slice(0, fresh.count))
      expect(again.flags.slice(0, again.count)).toEqual(fresh.flags.slice(0, fresh.count))
    }),
  )
})

test('forty times as much of anything does not take more than 1,000 times as long (quadratic: 1,600)', () => {
  const tokens = createTokens(200_000)
  const time = (text: string): number => {
    let best = Infinity
    for (let i = 0; i < 3; i++) {
      const start = performance.now()
      tokenise(text, tokens)
      best = Math.min(best, performance.now() - start)
    }
    return best
  }
  for (const unit of ['😡', '<a', ':-', '#', '@a', '&amp', "n'", 'a', '\ud83d', '=', '8/', '-']) {
    const small = time(unit.repeat(2000))
    const large = time(unit.repeat(80_000))
    if (large > 1000 * Math.max(small, 0.05)) expect.fail(`${unit}: ${small} ms, then ${large} ms`)
  }
}, 20_000)
