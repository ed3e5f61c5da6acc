/**
 * Everything that can go wrong for a reason that a person can act on: one table, one code a row.
 * docs/guide/faults.md shows this table, and a test holds it to it.
 */
export const faults = {
  bad_json: { status: 400, say: 'The body is not valid JSON.' },
  bad_request: { status: 400, say: 'The request does not have the expected shape.' },
  empty_text: { status: 400, say: 'The text is empty.' },
  text_too_long: { status: 413, say: 'The text is longer than the configured limit.' },
  body_too_large: { status: 413, say: 'The body is larger than the configured limit.' },
  headers_too_large: { status: 431, say: 'The headers of the request are larger than the server takes.' },
  batch_too_large: { status: 413, say: 'The batch has more items than the configured limit.' },
  unsupported_media: { status: 415, say: 'Send the body as application/json.' },
  task_unknown: { status: 404, say: 'No task has that name.' },
  model_unknown: { status: 404, say: 'No model has that name.' },
  version_unknown: { status: 404, say: 'That model has no such version.' },
  prediction_unknown: { status: 404, say: 'No prediction has that id.' },
  run_unknown: { status: 404, say: 'No training run has that id.' },
  disk_full: { status: 507, say: 'The disk has too little room for it.' },
  run_over: { status: 409, say: 'The training run is over.' },
  route_unknown: { status: 404, say: 'There is nothing at this address.' },
  method_not_allowed: { status: 405, say: 'This address does not answer that method.' },
  label_unknown: { status: 422, say: 'The task has no such label.' },
  id_conflict: { status: 409, say: 'That id was already used for another text.' },
  stage_conflict: { status: 409, say: 'The version cannot make that change of stage.' },
  artifact_broken: { status: 422, say: 'The model version does not match its manifest and was not loaded.' },
  model_unsupported: { status: 422, say: 'The model is of a form that cannot be used here.' },
  hub_unknown: { status: 404, say: 'The hub has no such model or revision.' },
  hub_refused: { status: 403, say: 'The hub does not give this model to this token.' },
  hub_broken: { status: 502, say: 'What the hub sent is not what it says it is.' },
  hub_unreachable: { status: 503, say: 'The hub cannot be reached, and the cache does not have the model.' },
  training_diverged: { status: 422, say: 'The training run lost its footing: its loss is no longer finite.' },
  checkpoint_unusable: { status: 422, say: 'The state that was kept of the training run cannot be used.' },
  data_broken: { status: 422, say: 'The data set cannot be read, or too many of its rows are bad.' },
  explain_unsupported: { status: 422, say: 'This kind of model cannot explain itself.' },
  unauthorised: { status: 401, say: 'A valid API key is needed.' },
  forbidden: { status: 403, say: 'This API key lacks the scope that the route needs.' },
  csrf: { status: 403, say: 'The session request lacks its CSRF token.' },
  foreign_page: { status: 403, say: 'A page of another origin asked; only pages named in CORS_ORIGINS may.' },
  foreign_host: { status: 403, say: 'The server does not answer to this host name; name it in ALLOWED_HOSTS.' },
  rate_limited: { status: 429, say: 'The rate limit of this key or address is used up.' },
  too_slow: { status: 408, say: 'The request did not arrive within the configured time.' },
  queue_full: { status: 429, say: 'The scoring queue is full.' },
  caller_left: { status: 499, say: 'The caller closed the connection before its text was scored.' },
  scoring_failed: { status: 503, say: 'The thread that scored the text ended without an answer, twice.' },
  overloaded: { status: 503, say: 'The server has as much work as it can hold.' },
  timeout: { status: 503, say: 'The request took longer than the configured limit.' },
  store_unavailable: { status: 503, say: 'The prediction log cannot be written at the moment.' },
  store_unusable: {
    status: 503,
    say: 'The database is damaged, or not one that this version of Barometer can use.',
  },
  home_unusable: { status: 503, say: 'The folder of the state cannot be made or written.' },
  not_ready: { status: 503, say: 'The server is still starting.' },
  stopping: { status: 503, say: 'The server is stopping.' },
  no_model: { status: 503, say: 'The task has no production version yet.' },
  internal: { status: 500, say: 'Something failed inside; the log has the details under the request id.' },
} as const satisfies Record<string, { status: number; say: string }>

export type FaultCode = keyof typeof faults

/** What the caller can see beside the code: never text that was scored, never a secret. */
export interface FaultDetails {
  /** A sentence that is more exact than the one in the table. */
  readonly say?: string
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** An operating failure with a code from the table of faults (style rule 7). */
export class Fault extends Error {
  readonly code: FaultCode
  readonly status: number
  readonly retryAfterSeconds: number | undefined

  constructor(code: FaultCode, details: FaultDetails = {}) {
    super(details.say ?? faults[code].say, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'Fault'
    this.code = code
    this.status = faults[code].status
    this.retryAfterSeconds = details.retryAfterSeconds
  }
}
