/**
 * A value that nobody may see: printed, logged, put into JSON or inspected it is “[secret]”. Who sends it somewhere
 * calls `reveal` there, and nowhere else.
 */
export interface Secret {
  readonly reveal: () => string
  /** “[secret]” */
  readonly toString: () => string
}

const SHOWN = '[secret]'

export function secretOf(value: string): Secret {
  const shown = { enumerable: false, value: () => SHOWN }
  return Object.freeze(
    Object.defineProperties(
      { reveal: () => value },
      {
        toString: shown,
        toJSON: shown,
        [Symbol.for('nodejs.util.inspect.custom')]: shown,
      },
    ),
  )
}
