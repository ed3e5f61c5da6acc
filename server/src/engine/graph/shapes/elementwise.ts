/** Operators that work element by element, broadcasting where they have several inputs. */
import assert from 'node:assert/strict'
import type { ElementType } from '../../onnx/model.ts'
import { numberOf } from '../attributes.ts'
import type { Rule } from './infer.ts'
import { broadcast, input } from './use.ts'

/** TensorProto.DataType of onnx.proto3, as Cast's `to` says it. */
const TYPES: Readonly<Record<number, ElementType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  11: 'float64',
}

export const castTo = (type: ElementType): number =>
  Number(Object.keys(TYPES).find((code) => TYPES[Number(code)] === type))

const same: Rule = (use) => [input(use, 0)]

const joined: Rule = (use) => {
  const values = use.inputs.map((_, i) => input(use, i))
  const { type } = input(use, 0)
  assert(
    values.every((value) => value.type === type),
    'the types differ',
  )
  return [{ type, shape: broadcast(...values.map((value) => value.shape)) }]
}

const compared: Rule = (use) => joined(use).map(({ shape }) => ({ type: 'bool', shape }))

const where: Rule = (use) => {
  const [condition, yes, no] = [input(use, 0), input(use, 1), input(use, 2)]
  assert(condition.type === 'bool' && yes.type === no.type, 'the types differ')
  return [{ type: yes.type, shape: broadcast(condition.shape, yes.shape, no.shape) }]
}

const cast: Rule = (use) => {
  const type = TYPES[numberOf(use.attributes, 'to', 0)]
  assert(type, 'to a type that is not known here')
  return [{ type, shape: input(use, 0).shape }]
}

const power: Rule = (use) => {
  const [base, exponent] = [input(use, 0), input(use, 1)]
  return [{ type: base.type, shape: broadcast(base.shape, exponent.shape) }]
}

const SAME =
  'Abs Clip Erf Exp Gelu HardSigmoid Identity Log LogSoftmax Neg Not Reciprocal Relu Sigmoid Sign Softmax Softplus Sqrt Tanh'
const JOINED = 'Add Sub Mul Div Sum Max Min And Or'
const COMPARED = 'Equal Greater GreaterOrEqual Less LessOrEqual'

const each = (ops: string, rule: Rule): Record<string, Rule> =>
  Object.fromEntries(ops.split(' ').map((op) => [op, rule]))

export const elementwise: Readonly<Record<string, Rule>> = {
  ...each(SAME, same),
  ...each(JOINED, joined),
  ...each(COMPARED, compared),
  IsNaN: (use) => [{ type: 'bool', shape: input(use, 0).shape }],
  Pow: power,
  Where: where,
  Cast: cast,
}
