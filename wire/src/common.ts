import { type Static, type TSchema, Type } from 'typebox'

/** Name of a task or model: `sentiment`, `severity`, or the user's own. */
export const Name = Type.String({ pattern: '^[a-z][a-z0-9_-]{0,62}$', description: 'Lower-case name.' })

/** Times cross the wire as ISO 8601 in UTC with milliseconds. */
export const Time = Type.String({ format: 'date-time', description: 'ISO 8601, UTC.' })

/** The caller's own name for a signal: unique within a task, so that a repeated request is answered by the first one's prediction. */
export const CallerId = Type.String({ minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9._:@/+=-]+$' })

/** Where a signal comes from: an application or a node. */
export const Source = Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })

export const Label = Type.String({ minLength: 1, maxLength: 128 })

export const Share = Type.Number({ minimum: 0, maximum: 1 })

/** Opaque position in a list, as the previous page returned it. */
export const Cursor = Type.String({ maxLength: 200 })

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** Every answer that is not a success. The codes are listed in the guide's page of faults. */
export const FaultBody = Type.Object(
  {
    error: Type.Object({
      code: Type.String(),
      message: Type.String(),
      requestId: Type.Optional(Type.String()),
      details: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
    }),
  },
  { $id: 'Fault' },
)
export type FaultBody = Static<typeof FaultBody>
