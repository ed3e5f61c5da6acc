import { readdirSync, readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../domain/faults.ts'
import { decodeModel, externalFiles } from './decode.ts'
import { encodeModel } from './encode.ts'
import { elementNumbers } from './fields.ts'
import type { Attribute, ElementType, OnnxGraph, OnnxModel, Tensor } from './model.ts'
import { MessageWriter } from './protobuf.ts'
import { elementBytes, floats } from './tensor.ts'

const golden = (name: string) => new URL(`../../../test/golden/onnx/${name}`, import.meta.url)
const bytesOf = (name: string) => new Uint8Array(readFileSync(golden(name)))
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** What the model holds, in the words of the golden file. */
function said({ irVersion, opsets, producer, metadata, graph }: OnnxModel) {
  const shapes = (values: OnnxGraph['values']) => values.map(({ name, shape }) => [name, shape])
  const tensor = ({ shape, bytes }: Tensor) => ({ shape, bytes: hex(bytes) })
  const attribute = ({ kind, value }: Attribute) => {
    if (kind === 'tensor') return tensor(value)
    if (kind === 'graph') return value.nodes.map(({ op }) => op)
    return value
  }
  return {
    irVersion,
    opsets: Object.fromEntries(opsets),
    producer,
    metadata: Object.fromEntries(metadata),
    name: graph.name,
    inputs: shapes(graph.inputs),
    outputs: shapes(graph.outputs),
    values: shapes(graph.values),
    nodes: graph.nodes.map((node) => ({
      ...node,
      attributes: Object.fromEntries(Object.entries(node.attributes).map(([name, one]) => [name, attribute(one)])),
    })),
    initializers: Object.fromEntries([...graph.initializers].map(([name, one]) => [name, tensor(one)])),
  }
}

function faultOf(work: () => unknown): Fault {
  try {
    work()
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new Error('no fault')
}

describe('a file of the onnx package', () => {
  const file = bytesOf('forms.onnx')
  const expected = JSON.parse(readFileSync(golden('forms.json'), 'utf8'))

  test('holds what the package says it holds: every element type, raw and typed, every kind of attribute', () => {
    expect(said(decodeModel(file))).toEqual(expected)
  })

  test('is the same after it was written and read again', () => {
    expect(decodeModel(encodeModel(decodeModel(file)))).toEqual(decodeModel(file))
  })

  test('lends its raw weights instead of copying them', () => {
    const raw = decodeModel(file).graph.initializers.get('raw.float32')
    expect(raw?.bytes.buffer).toBe(file.buffer)
  })

  test('gives floats whether its bytes are aligned or not', () => {
    const values = Float32Array.of(1.5, -2)
    for (let shift = 0; shift < 4; shift++) {
      const room = new Uint8Array(12)
      room.set(new Uint8Array(values.buffer), shift)
      const askew: Tensor = { type: 'float32', shape: [2], bytes: room.subarray(shift, shift + 8) }
      expect(floats(askew)).toEqual(values)
    }
  })
})

describe('weights in a file beside the model', () => {
  const file = bytesOf('outside.onnx')
  const beside = bytesOf('outside.bin')
  const readExternal = (_location: string, offset: number, length: number) => beside.subarray(offset, offset + length)

  test('are read from there', () => {
    const { initializers } = decodeModel(file, { readExternal }).graph
    expect([...floats(initializers.get('weights') as Tensor)]).toEqual([0, 1, 2, 3, 4, 5])
    expect([...floats(initializers.get('bias') as Tensor)]).toEqual([1, 2, 3])
  })

  test('are known by name and size before the file is there', () => {
    expect([...externalFiles(file)]).toEqual([['outside.bin', beside.length]])
  })

  test('are refused where their type is unknown, where they are too many, and where the file ends too soon', () => {
    expect(faultOf(() => decodeModel(file)).code).toBe('model_unsupported')
    expect(faultOf(() => decodeModel(file, { readExternal, externalBytesMax: 35 })).code).toBe('model_unsupported')
    const short = (_: string, offset: number, length: number) => beside.subarray(offset, offset + length).subarray(1)
    expect(faultOf(() => decodeModel(file, { readExternal: short })).code).toBe('artifact_broken')
  })

  test.each([
    '../secrets.bin',
    'weights/../../secrets.bin',
    '/etc/passwd',
    'C:\\weights',
    'a\\..\\..\\b',
    './x',
    'a//b',
    'nul\0',
    '..',
    '',
  ])('are never looked for at “%s”', (location) => {
    let asked = 0
    const fault = faultOf(() =>
      decodeModel(outside({ location }), {
        readExternal: (_location, _offset, length) => {
          asked++
          return new Uint8Array(length)
        },
      }),
    )
    expect(fault.code).toBe('artifact_broken')
    expect(asked).toBe(0)
  })

  test.each([
    { offset: '-1' },
    { offset: '1e9' },
    { length: '8' },
    { length: '-12' },
    { offset: '99999999999999999999' },
  ])('are refused at a place that makes no sense: %o', (place) => {
    expect(
      faultOf(() => decodeModel(outside({ location: 'w', ...place }), { readExternal: () => new Uint8Array(12) })).code,
    ).toBe('artifact_broken')
  })

  test('that claim an exabyte take no memory', () => {
    const claims = outside({ location: 'w' }, [2 ** 20, 2 ** 20])
    expect(faultOf(() => decodeModel(claims, { readExternal: (_l, _o, length) => new Uint8Array(length) })).code).toBe(
      'model_unsupported',
    )
    expect(externalFiles(claims).get('w')).toBe(2 ** 42)
  })
})

/** A model whose one weight lies elsewhere. */
function outside(place: Record<string, string>, shape: readonly number[] = [3]): Uint8Array {
  const model = new MessageWriter()
  model.message(7, (graph) =>
    graph.message(5, (tensor) => {
      tensor.packedIntegers(1, shape)
      tensor.integer(2, 1)
      tensor.text(8, 'weights')
      for (const [key, value] of Object.entries(place))
        tensor.message(13, (entry) => {
          entry.text(1, key)
          entry.text(2, value)
        })
      tensor.integer(14, 1)
    }),
  )
  return model.finish()
}

describe('what is ONNX but not for us is refused with the remedy', () => {
  test.each(['sparse', 'function', 'strings', 'int4', 'sequence'])('%s', (name) => {
    const fault = faultOf(() => decodeModel(bytesOf(`refused-${name}.onnx`)))
    expect(fault.code).toBe('model_unsupported')
    expect(fault.message).toMatch(/; .*export it again/)
  })
})

describe('rubbish', () => {
  const file = bytesOf('forms.onnx')
  const faultCodes = ['artifact_broken', 'model_unsupported']

  /** A model or a fault, and nothing that takes long or much. */
  function survives(bytes: Uint8Array): void {
    try {
      decodeModel(bytes)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      expect(faultCodes).toContain(error.code)
    }
  }

  test('of flipped bytes gives a model or a fault', () => {
    const change = fc.tuple(fc.nat(file.length - 1), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const flipped = file.slice()
        for (const [at, byte] of changes) flipped[at] = byte
        survives(flipped)
      }),
      { numRuns: 3000 },
    )
  })

  test('that is cut short gives a model or a fault, at every length', () => {
    for (let length = 0; length < file.length; length++) survives(file.subarray(0, length))
  })

  test('of any bytes gives a model or a fault; no bytes and a web page give a fault', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), survives), { numRuns: 2000 })
    expect(faultOf(() => decodeModel(new Uint8Array(0))).code).toBe('artifact_broken')
    expect(faultOf(() => decodeModel(new TextEncoder().encode('<html>404</html>'))).code).toBe('artifact_broken')
  })

  test('of ten million empty values, or of a thousand graphs within each other, ends at once', () => {
    const values = new Uint8Array(20_000_000)
    for (let at = 0; at < values.length; at += 2) values[at] = 13 * 8 + 2
    const many = new MessageWriter()
    many.bytes(7, values)
    expect(faultOf(() => decodeModel(many.finish())).message).toMatch(/more than 1000000 parts/)
    let graph: Uint8Array = new Uint8Array(0)
    for (let depth = 0; depth < 1000; depth++) {
      const outer = new MessageWriter()
      outer.message(1, (node) => {
        node.text(4, 'If')
        node.message(5, (attribute) => attribute.bytes(6, graph))
      })
      graph = outer.finish()
    }
    const deep = new MessageWriter()
    deep.bytes(7, graph)
    expect(faultOf(() => decodeModel(deep.finish())).message).toMatch(/nested/)
  })

  test('of a tensor that claims more elements than it has takes no memory', () => {
    const before = process.memoryUsage().arrayBuffers
    for (const [type, field] of [
      [elementNumbers.float32, 4],
      [elementNumbers.int64, 7],
      [elementNumbers.uint8, 5],
    ]) {
      const model = new MessageWriter()
      model.message(7, (graph) =>
        graph.message(5, (tensor) => {
          tensor.packedIntegers(1, [2 ** 20, 2 ** 12])
          tensor.integer(2, type)
          tensor.bytes(field, new Uint8Array(100))
        }),
      )
      expect(faultOf(() => decodeModel(model.finish())).code).toBe('artifact_broken')
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
  })
})

describe('any model', () => {
  const types = Object.keys(elementNumbers) as ElementType[]
  const tensorTypes = Object.keys(elementBytes) as Tensor['type'][]
  const text = fc.string({ unit: 'grapheme', maxLength: 6 })
  const named = fc.string({ minLength: 1, maxLength: 6 })
  const integer = fc.oneof(fc.maxSafeInteger(), fc.constant(2 ** 63), fc.constant(-(2 ** 63)), fc.nat(300))
  const float = fc.float({ noNaN: true })
  const tensor: fc.Arbitrary<Tensor> = fc
    .tuple(fc.constantFrom(...tensorTypes), fc.array(fc.nat(4), { maxLength: 3 }))
    .chain(([type, shape]) => {
      const length = shape.reduce((product, n) => product * n, elementBytes[type])
      return fc
        .uint8Array({ minLength: length, maxLength: length })
        .map((bytes) => ({ type, shape, bytes: Uint8Array.from(bytes) }))
    })
  const value = fc.record({
    name: named,
    type: fc.constantFrom(...types),
    shape: fc.option(fc.array(fc.oneof(fc.nat(), named, fc.constant(null)), { maxLength: 3 })),
  })
  const { graph } = fc.letrec<{ graph: OnnxGraph; attribute: Attribute }>((tie) => ({
    attribute: fc.oneof(
      { depthSize: 'small', maxDepth: 2 },
      fc.record({ kind: fc.constant('int' as const), value: integer }),
      fc.record({ kind: fc.constant('float' as const), value: float }),
      fc.record({ kind: fc.constant('string' as const), value: text }),
      fc.record({ kind: fc.constant('ints' as const), value: fc.array(integer) }),
      fc.record({ kind: fc.constant('floats' as const), value: fc.array(float) }),
      fc.record({ kind: fc.constant('strings' as const), value: fc.array(text) }),
      fc.record({ kind: fc.constant('tensor' as const), value: tensor }),
      fc.record({ kind: fc.constant('graph' as const), value: tie('graph') }),
    ),
    graph: fc.record({
      name: text,
      nodes: fc.array(
        fc.record({
          name: text,
          op: named,
          domain: fc.constantFrom('', 'com.microsoft'),
          inputs: fc.array(text, { maxLength: 3 }),
          outputs: fc.array(text, { maxLength: 3 }),
          attributes: fc.dictionary(named, tie('attribute'), { maxKeys: 3, noNullPrototype: true }),
        }),
        { maxLength: 3 },
      ),
      inputs: fc.array(value, { maxLength: 2 }),
      outputs: fc.array(value, { maxLength: 2 }),
      values: fc.array(value, { maxLength: 2 }),
      initializers: fc.array(fc.tuple(named, tensor), { maxLength: 3 }).map((entries) => new Map(entries)),
    }),
  }))
  const model: fc.Arbitrary<OnnxModel> = fc.record({
    irVersion: fc.nat(20),
    opsets: fc.array(fc.tuple(fc.constantFrom('', 'com.microsoft'), fc.nat(30))).map((entries) => new Map(entries)),
    producer: text,
    graph,
    metadata: fc.array(fc.tuple(text, text)).map((entries) => new Map(entries)),
  })

  test('is the same after it was written and read', () => {
    fc.assert(
      fc.property(model, (one) => {
        expect(decodeModel(encodeModel(one))).toEqual(one)
      }),
      { numRuns: 300 },
    )
  })
})

describe('a model of ours', () => {
  const info = (name: string, shape: readonly (number | string)[]) => ({ name, type: 'float32' as const, shape })
  const tensor = (shape: readonly number[], values: readonly number[]): Tensor => ({
    type: 'float32',
    shape,
    bytes: new Uint8Array(Float32Array.from(values).buffer),
  })
  const ours: OnnxModel = {
    irVersion: 10,
    opsets: new Map([['', 20]]),
    producer: 'barometer',
    metadata: new Map([['for', 'the golden file']]),
    graph: {
      name: 'ours',
      nodes: [
        {
          name: 'dense',
          op: 'Gemm',
          domain: '',
          inputs: ['x', 'weights', 'bias'],
          outputs: ['dense'],
          attributes: { transB: { kind: 'int', value: 1 }, alpha: { kind: 'float', value: 0.5 } },
        },
        {
          name: '',
          op: 'Gelu',
          domain: '',
          inputs: ['dense'],
          outputs: ['y'],
          attributes: { approximate: { kind: 'string', value: 'tanh' } },
        },
      ],
      inputs: [info('x', ['rows', 2])],
      outputs: [info('y', ['rows', 3])],
      values: [],
      initializers: new Map([
        ['weights', tensor([3, 2], [1, 2, 3, 4, 5, 6])],
        ['bias', tensor([3], [0.5, -0.5, 0])],
      ]),
    },
  }

  test('has the bytes that onnx.checker has passed (onnx_files.py check)', () => {
    expect(hex(encodeModel(ours))).toBe(hex(bytesOf('ours.onnx')))
  })

  test('runs in ONNX Runtime, before and after it was read again', async () => {
    const run = async (bytes: Uint8Array) => {
      const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 })
      const { y } = await session.run({ x: new OrtTensor('float32', Float32Array.of(1, -1, 0.25, 2), [2, 2]) })
      await session.release()
      return y.data as Float32Array // y is declared as float32 above
    }
    const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    const dense = [0.5 * (1 - 2) + 0.5, 0.5 * (3 - 4) - 0.5, 0.5 * (5 - 6)]
    const answer = await run(encodeModel(ours))
    for (const [i, z] of dense.entries()) expect(answer[i]).toBeCloseTo(gelu(z), 6)
    expect([...(await run(encodeModel(decodeModel(encodeModel(ours)))))]).toEqual([...answer])
  })
})

test('every golden file of the folder is one of a claim above', () => {
  const names = readdirSync(golden('.')).filter((name) => name.endsWith('.onnx'))
  expect(names.sort()).toEqual(
    ['forms', 'ours', 'outside', ...['function', 'int4', 'sequence', 'sparse', 'strings'].map((n) => `refused-${n}`)]
      .map((name) => `${name}.onnx`)
      .sort(),
  )
})
