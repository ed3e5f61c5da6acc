import { describe, expect, test } from 'vitest'
import { licenceOf, maxLengthOf, readModelConfig } from './modelConfig.ts'

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

describe('config.json', () => {
  const config = { model_type: 'distilbert', id2label: { 0: 'NEGATIVE', 1: 'POSITIVE' }, max_position_embeddings: 512 }

  test('says family, labels and length', () => {
    expect(readModelConfig(bytes(config))).toEqual({
      family: 'distilbert',
      labels: ['NEGATIVE', 'POSITIVE'],
      positions: 512,
      padId: null,
    })
  })

  test('without names of labels has as many as it says, or two', () => {
    expect(readModelConfig(bytes({ model_type: 'bert', num_labels: 3 })).labels).toEqual([
      'LABEL_0',
      'LABEL_1',
      'LABEL_2',
    ])
    expect(readModelConfig(bytes({ model_type: 'bert' })).labels).toEqual(['LABEL_0', 'LABEL_1'])
  })

  test("of RoBERTa's kin counts positions after the padding's", () => {
    const roberta = { ...config, model_type: 'xlm-roberta', max_position_embeddings: 514, pad_token_id: 1 }
    expect(readModelConfig(bytes(roberta)).positions).toBe(512)
  })

  test.each([
    ['a number', { ...config, problem_type: 'regression' }],
    ['a number of one output', { ...config, id2label: { 0: 'LABEL_0' } }],
    ['many labels at once', { ...config, problem_type: 'multi_label_classification' }],
    ['labels in no order', { ...config, id2label: { 0: 'a', 2: 'b' } }],
    ['labels that are no names', { ...config, id2label: { 0: 1, 1: 2 } }],
    ['no family', { id2label: config.id2label }],
    ['a list', []],
  ])('of what gives %s is refused', (_what, refused) => {
    expect(() => readModelConfig(bytes(refused))).toThrow(expect.objectContaining({ code: 'model_unsupported' }))
  })

  test('the longest text is the least of what the files say, and 512 where none does', () => {
    const bert = readModelConfig(bytes(config))
    expect(maxLengthOf(bert, bytes({ model_max_length: 128 }))).toBe(128)
    expect(maxLengthOf(bert, bytes({ model_max_length: 1e30 }))).toBe(512)
    expect(maxLengthOf({ ...bert, positions: null }, null)).toBe(512)
    expect(maxLengthOf({ ...bert, positions: 1_000_000 }, null)).toBe(8192)
  })
})

test.each([
  ['---\nlicense: apache-2.0\ntags:\n- x\n---\n# Card', 'apache-2.0'],
  ['---\r\nlicense: "mit"\r\n---\r\n', 'mit'],
  ['---\nlicense: other\nlicense_name: llama3\n---\n', 'llama3'],
  ['---\nlanguage: en\n---\nlicense: gpl', null],
  ['no head', null],
])('the terms of %j are %s', (card, licence) => {
  expect(licenceOf(card)).toBe(licence)
})
