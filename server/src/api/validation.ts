/**
 * Validation by Ajv. A body means what it says. A query and a path are text: a number is read from digits and from
 * nothing else (Ajv's own coercion takes `0x10` and blanks for numbers, and `null` and `""` in places for each other).
 */
import { Ajv, type Options } from 'ajv'
import formats from 'ajv-formats'
import type { FastifySchema, FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'

const options: Options = {
  allErrors: false,
  coerceTypes: false,
  useDefaults: true,
  strict: false,
  removeAdditional: false,
}

const NUMBER = /^-?\d{1,17}(?:\.\d{1,17})?(?:e[+-]?\d{1,3})?$/i
const INTEGER = /^-?\d{1,16}$/

export function validatorCompiler(): FastifySchemaCompiler<FastifySchema> {
  const ajv = new Ajv(options)
  formats.default(ajv, ['date-time'])
  return ({ schema, httpPart }) => {
    const validate = ajv.compile(schema)
    if (httpPart === 'body') return validate
    const numbers = numbersOf(schema)
    const reading: Validator = (given: unknown) => {
      for (const { name, shape } of numbers) readNumber(given, name, shape)
      const ok = validate(given)
      reading.errors = validate.errors ?? null
      return ok
    }
    return reading
  }
}

/** What Fastify calls: false with the errors on it, or true. */
interface Validator {
  (given: unknown): boolean
  errors?: FastifySchemaValidationError[] | null
}

interface NumberParameter {
  readonly name: string
  readonly shape: RegExp
}

/** The parameters of a query or path that are numbers. */
function numbersOf(schema: unknown): NumberParameter[] {
  const { properties = {} } = schema as { properties?: Readonly<Record<string, { type?: unknown }>> } // a JSON schema
  return Object.entries(properties).flatMap(([name, { type }]) =>
    type === 'integer' ? [{ name, shape: INTEGER }] : type === 'number' ? [{ name, shape: NUMBER }] : [],
  )
}

/** What does not read as a number stays text, which the schema then refuses. */
function readNumber(given: unknown, name: string, shape: RegExp): void {
  const values = given as Record<string, unknown> // Fastify parses a query and a path to an object
  const value = values[name]
  if (typeof value === 'string' && shape.test(value)) values[name] = Number(value)
}
