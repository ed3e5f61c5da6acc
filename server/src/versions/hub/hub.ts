/** Where models come from, and how long and how much we are willing to take. */
export interface Hub {
  /** Origin of the Hub or of a mirror, without a slash at the end. */
  readonly endpoint: string
  /** Sent to the endpoint and to no other host; never said in a message. */
  readonly token: string | null
  /** The folder that all tools of the Hub share: `models--OWNER--NAME/{blobs,refs,snapshots}`. */
  readonly cacheFolder: string
  /** True: only what is in the cache. */
  readonly offline: boolean
  readonly limits: HubLimits
}

export interface HubLimits {
  /** Entries of a repository's list. */
  readonly entries: number
  readonly fileBytes: number
  /** Of one model, all files together. */
  readonly modelBytes: number
  /** Of an answer that is not a file. */
  readonly answerBytes: number
  /** Seconds without a byte after which a connection is given up. */
  readonly idleSeconds: number
  /** Connections that may break in a row without a byte gained before a download is given up. */
  readonly attempts: number
  /** Pause before the second attempt; it doubles with each. */
  readonly pauseMs: number
}

export const hubLimits: HubLimits = {
  entries: 20_000,
  // Protobuf's limit of an ONNX file, and an artifact's of any.
  fileBytes: 2 ** 31 - 1,
  modelBytes: 2 ** 32,
  answerBytes: 64 * 2 ** 20,
  idleSeconds: 30,
  attempts: 5,
  pauseMs: 500,
}
