import { type Static, type TSchema, Type } from 'typebox'

export const Label = Type.String({ minLength: 1, maxLength: 128 })

export const Share = Type.Number({ minimum: 0, maximum: 1 })

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
