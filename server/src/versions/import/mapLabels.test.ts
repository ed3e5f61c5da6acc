import { describe, expect, test } from 'vitest'
import { mapLabels } from './mapLabels.ts'

describe('the labels of a model of others', () => {
  test('keep their order and lose their capitals', () => {
    expect(mapLabels(['NEGATIVE', 'POSITIVE'], null)).toEqual({
      labels: ['negative', 'positive'],
      names: ['negative', 'positive'],
      groups: null,
    })
  })

  test('that say nothing need the user to say it', () => {
    expect(() => mapLabels(['LABEL_0', 'LABEL_1'], null)).toThrow(/calls its labels LABEL_0, LABEL_1; .*--labels FILE/)
    expect(mapLabels(['LABEL_0', 'LABEL_1'], { LABEL_0: 'negative', LABEL_1: 'positive' }).labels).toEqual([
      'negative',
      'positive',
    ])
  })

  test('become one where the user calls them the same', () => {
    const stars = ['1 star', '2 stars', '3 stars', '4 stars', '5 stars']
    const map = {
      '1 star': 'negative',
      '2 stars': 'negative',
      '3 stars': 'neutral',
      '4 stars': 'positive',
      '5 stars': 'positive',
    }
    expect(mapLabels(stars, map)).toMatchObject({
      labels: ['negative', 'neutral', 'positive'],
      groups: [0, 0, 1, 2, 2],
    })
  })

  test('are not guessed where the map names others, or leaves one', () => {
    expect(() => mapLabels(['a', 'b'], { A: 'x' })).toThrow(/names A, which is none of them/)
    expect(() => mapLabels(['a', 'b'], { a: 'x', b: 'x' })).toThrow(/only one label/)
  })
})
