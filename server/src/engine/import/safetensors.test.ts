import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../domain/faults.ts'
import { type FloatTensor, readSafetensors, writeSafetensors } from './safetensors.ts'

const GOLDEN = join(import.meta.dirname, '../../../test/golden/imported')

test('what was written is read again, whatever the names, shapes and values', () => {
  const tensor = fc.array(fc.nat(4), { maxLength: 3 }).chain((shape) => {
    const size = shape.reduce((product, n) => product * n, 1)
    return fc
      .float32Array({ minLength: size, maxLength: size, noNaN: true })
      .map((values): FloatTensor => ({ shape, values }))
  })
  const names = fc
    .string({ minLength: 1, maxLength: 20 })
    .filter((name) => name !== '__metadata__' && name !== '__proto__')
  fc.assert(
    fc.property(fc.array(fc.tuple(names, tensor), { maxLength: 6 }), (entries) => {
      const tensors = new Map(entries)
      expect(readSafetensors(writeSafetensors(tensors))).toEqual(tensors)
    }),
    { numRuns: 100 },
  )
})

test('a checkpoint of transformers has the tensors that its model has', () => {
  const tensors = readSafetensors(readFileSync(join(GOLDEN, 'bert/model.safetensors')))
  expect(tensors.size).toBe(41)
  expect(tensors.get('bert.embeddings.word_embeddings.weight')?.shape).toEqual([60, 16])
  expect(tensors.get('classifier.bias')?.values).toHaveLength(3)
})

test('halves become floats: float16 by its exponents, bfloat16 as the upper half; integers are left out', () => {
  const bytes = fileOf(
    {
      half: { dtype: 'F16', shape: [3], data_offsets: [0, 6] },
      brain: { dtype: 'BF16', shape: [2], data_offsets: [6, 10] },
      double: { dtype: 'F64', shape: [], data_offsets: [10, 18] },
      position_ids: { dtype: 'I64', shape: [1], data_offsets: [18, 26] },
    },
    // 1, −2, 65504; 1, −2 (the upper halves of 0x3f800000 and 0xc0000000); 0.5; 7
    [0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b, 0x80, 0x3f, 0x00, 0xc0, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 7, 0, 0, 0, 0, 0, 0, 0],
  )
  const tensors = readSafetensors(bytes)
  expect([...tensors.keys()]).toEqual(['half', 'brain', 'double'])
  expect([...(tensors.get('half')?.values ?? [])]).toEqual([1, -2, 65504])
  expect([...(tensors.get('brain')?.values ?? [])]).toEqual([1, -2])
  expect([...(tensors.get('double')?.values ?? [])]).toEqual([0.5])
})

describe('rubbish is refused:', () => {
  const good = { w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }
  test.each([
    ['an empty file', new Uint8Array()],
    ['a header longer than the file', Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 0, 123)],
    ['a header of 2⁶³ bytes', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128, 123, 125)],
    ['a header that is no JSON', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 123, 123)],
    ['a header that is a list', fileOf([], [])],
    ['values that no tensor has', fileOf(good, new Array(9).fill(0))],
    ['values that are missing', fileOf(good, new Array(7).fill(0))],
    [
      'tensors that overlap',
      fileOf({ ...good, v: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } }, new Array(12).fill(0)),
    ],
    ['a gap', fileOf({ w: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, new Array(8).fill(0))],
    ['a shape of another size', fileOf({ w: { ...good.w, shape: [3] } }, new Array(8).fill(0))],
    ['a negative size', fileOf({ w: { ...good.w, shape: [-2] } }, new Array(8).fill(0))],
    ['a shape beyond all numbers', fileOf({ w: { ...good.w, shape: [2 ** 52, 2 ** 52] } }, new Array(8).fill(0))],
    ['an unknown type', fileOf({ w: { ...good.w, dtype: 'constructor' } }, new Array(8).fill(0))],
    ['a tensor without a description', fileOf({ w: null }, [])],
  ])('%s', (_, bytes) => {
    expect(() => readSafetensors(bytes)).toThrow(expect.objectContaining({ code: 'artifact_broken' }))
  })

  test('any bytes end in tensors or a fault', () => {
    const real = writeSafetensors(new Map([['w', { shape: [2], values: Float32Array.of(1, 2) }]]))
    const damaged = fc.tuple(fc.nat(real.length - 1), fc.nat(255)).map(([at, byte]) => real.with(at, byte))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), damaged), (bytes) => {
        try {
          readSafetensors(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(Fault)
        }
      }),
      { numRuns: 500 },
    )
  })
})

function fileOf(header: unknown, values: readonly number[]): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header))
  const length = new Uint8Array(8)
  new DataView(length.buffer).setUint32(0, text.length, true)
  return Uint8Array.from([...length, ...text, ...values])
}
