/** Validation by Ajv: a body means what it says, a query string is text and is read as the type that the schema asks for. */
import { Ajv, type Options } from 'ajv'
import formats from 'ajv-formats'
import type { FastifySchema, FastifySchemaCompiler } from 'fastify'

const shared: Options = { allErrors: false, useDefaults: true, strict: false, removeAdditional: false }

export function validatorCompiler(): FastifySchemaCompiler<FastifySchema> {
  const strict = withFormats(new Ajv({ ...shared, coerceTypes: false }))
  const reading = withFormats(new Ajv({ ...shared, coerceTypes: true }))
  return ({ schema, httpPart }) => (httpPart === 'body' ? strict : reading).compile(schema)
}

function withFormats(ajv: Ajv): Ajv {
  formats.default(ajv, ['date-time'])
  return ajv
}
