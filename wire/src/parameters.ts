/**
 * What callers may send: one schema for each kind of parameter, whether it comes in a body, a query or a path.
 *
 * All of it must be storable in both databases. PostgreSQL keeps no U+0000 in a text and counts versions in 32 bits.
 */
import { type TProperties, type TSchemaOptions, type TString, type TStringOptions, Type } from 'typebox'

/** Words of a person, for the record. */
export function Words(maxLength: number, options: TStringOptions = {}): TString {
  return Type.String({ ...options, maxLength, pattern: '^[^\\u0000]*$' })
}

/** A body or query that holds these and nothing else, so that a misspelt name is told and not passed over. */
export function Closed<T extends TProperties>(properties: T, options: TSchemaOptions = {}) {
  return Type.Object(properties, { ...options, additionalProperties: false })
}

/** Name of a task or model: `sentiment`, `severity`, or the user's own. */
export const Name = Type.String({
  pattern: '^[a-z][a-z0-9_-]{0,62}$',
  description: 'Lower-case name.',
  examples: ['sentiment'],
})

/** Times cross the wire as ISO 8601 in UTC with milliseconds. */
export const Time = Type.String({ format: 'date-time', description: 'ISO 8601, UTC.' })

/**
 * A time that a caller names: RFC 3339 between 1970 and 9999, with `Z` or a whole offset. No leap second: neither
 * JavaScript's clock nor the log's has one. In a query the `+` of an offset is written %2B.
 */
export const GivenTime = Type.String({
  format: 'date-time',
  pattern:
    '^(19[7-9]\\d|[2-9]\\d{3})-\\d{2}-\\d{2}T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)$',
  description: 'RFC 3339 from 1970 to 9999, like 2026-10-01T08:30:00Z.',
})

/** The caller's own name for a signal: unique within a task, so that a repeated request is answered by the first one's prediction. */
export const CallerId = Type.String({ minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9._:@/+=-]+$' })

/** Names a prediction: by its own id, or by the caller's. */
export const PredictionId = Type.String({
  minLength: 1,
  maxLength: 128,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  description: "The prediction's id, or the caller's own id.",
})

/** Where a signal comes from: an application or a node. */
export const Source = Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })

export const GivenLabel = Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000]+$' })

export const VersionNumber = Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, examples: [1] })

/** Rows of a page. */
export function Limit(maximum: number) {
  return Type.Integer({ minimum: 1, maximum })
}

/** Opaque position in a list, as the previous page returned it. */
export const Cursor = Type.String({ maxLength: 200, pattern: '^[0-9A-Za-z_-]+$' })

export const Why = Words(500, { description: 'For the record.' })

/** Path of /models/:model… */
export const ModelParameters = Closed({ model: Name })
/** Path of /models/:model/versions/:version… */
export const VersionParameters = Closed({ model: Name, version: VersionNumber })
/** Path of /predictions/:id */
export const PredictionParameters = Closed({ id: PredictionId })
/** Path of /training-runs/:id… */
export const RunParameters = Closed({ id: Type.String({ minLength: 1, maxLength: 100, pattern: '^[0-9A-Za-z-]+$' }) })
