/** Attributes as one writes them, and as ONNX wants them: a number is an int unless the name says that it is a float. */
import type { Attribute, Attributes, Tensor } from '../onnx/model.ts'

export type PlainAttributes = Readonly<
  Record<string, number | string | boolean | readonly number[] | readonly string[] | Tensor>
>

/** The attributes that the ONNX operator schemas declare as floats; every other number is an int. */
const FLOATS = new Set(['alpha', 'beta', 'epsilon', 'value_float', 'value_floats'])

export function attributesOf(plain: PlainAttributes): Attributes {
  return Object.fromEntries(Object.entries(plain).map(([name, value]) => [name, attributeOf(name, value)]))
}

function attributeOf(name: string, value: PlainAttributes[string]): Attribute {
  if (typeof value === 'string') return { kind: 'string', value }
  if (typeof value === 'boolean') return { kind: 'int', value: Number(value) }
  if (typeof value === 'number') return { kind: FLOATS.has(name) ? 'float' : 'int', value }
  if ('bytes' in value) return { kind: 'tensor', value }
  if (isStrings(value)) return { kind: 'strings', value }
  return { kind: FLOATS.has(name) ? 'floats' : 'ints', value }
}

function isStrings(list: readonly (number | string)[]): list is readonly string[] {
  return typeof list[0] === 'string'
}

/** The number of that name, or what the schema says when it is absent. */
export function numberOf(attributes: Attributes, name: string, absent: number): number {
  const attribute = attributes[name]
  return attribute?.kind === 'int' || attribute?.kind === 'float' ? attribute.value : absent
}

export function numbersOf(attributes: Attributes, name: string): readonly number[] | null {
  const attribute = attributes[name]
  return attribute?.kind === 'ints' || attribute?.kind === 'floats' ? attribute.value : null
}

export function stringOf(attributes: Attributes, name: string, absent: string): string {
  const attribute = attributes[name]
  return attribute?.kind === 'string' ? attribute.value : absent
}
