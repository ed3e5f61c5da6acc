/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Millis = number

export const HOUR_MS = 3_600_000
