/** Environment and file → one frozen, validated object. The only place that reads the environment. */
import { readFileSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { hubModel } from './domain/hubModel.ts'
import type { KeepText } from './domain/redaction/redaction.ts'
import { type Secret, secretOf } from './domain/secret.ts'

interface Setting<T> {
  /** Environment variable, and the key in the settings file. */
  readonly name: string
  readonly about: string
  readonly fallback: T
  readonly parse: (text: string) => T
}

/** A setting that cannot be used: the sentence says which, and what would be right. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const HOME = '.barometer'

const text = (name: string, fallback: string, about: string): Setting<string> => ({
  name,
  about,
  fallback,
  parse: (v) => v,
})

const optional = (name: string, about: string): Setting<string | null> => ({
  name,
  about,
  fallback: null,
  parse: (v) => (v === '' ? null : v),
})

/** A value that is never printed, not even where it is wrong. `right` says what would do. */
const hidden = (name: string, about: string, form: RegExp = /^/, right = ''): Setting<Secret | null> => ({
  name,
  about,
  fallback: null,
  parse(v) {
    if (v === '') return null
    if (!form.test(v)) throw new ConfigError(`${name} must be ${right}. What it is now is not shown here.`)
    return secretOf(v)
  },
})

/** What may stand in a header behind `Bearer` (RFC 6750, 2.1, and what servers make of it). */
const TOKEN = /^[\x21-\x7e]+$/
const TOKEN_WORDS = 'one word of printable ASCII characters'

/** An address that may have a user and a password in it, which are kept apart from it. */
export interface Address {
  /** Without them: it may be printed. */
  readonly url: string
  /** `USER:PASSWORD`. */
  readonly login: Secret | null
}

const address = (name: string, about: string, example: string): Setting<Address | null> => ({
  name,
  about,
  fallback: null,
  parse(v) {
    if (v === '') return null
    const url = URL.canParse(v) ? new URL(v) : null
    if (url === null || !/^https?:$/.test(url.protocol))
      throw new ConfigError(`${name} must be an address like ${example}. What it is now is not shown here.`)
    const { username, password } = url
    const login = username === '' && password === '' ? null : secretOf(`${decoded(username)}:${decoded(password)}`)
    url.username = ''
    url.password = ''
    return { url: url.href.replace(/\/+$/, ''), login }
  },
})

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part // a percent sign that encodes nothing stands for itself
  }
}

/** The address of a database for people: without the password, and without parameters, where one may stand as well. */
export function printableDatabase(url: Secret): string {
  const text = url.reveal()
  if (text.startsWith('sqlite:')) return text.slice('sqlite:'.length)
  if (!URL.canParse(text)) return 'postgres://…'
  const { protocol, username, host, pathname } = new URL(text)
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`
}

const flag = (name: string, fallback: boolean, about: string): Setting<boolean> => ({
  name,
  about,
  fallback,
  parse(v) {
    if (/^(1|true|yes|on)$/i.test(v)) return true
    if (/^(0|false|no|off|)$/i.test(v)) return false
    throw new ConfigError(`${name} must be true or false, not “${v}”.`)
  },
})

const integer = (name: string, fallback: number, min: number, max: number, about: string): Setting<number> => ({
  name,
  about,
  fallback,
  parse(v) {
    const n = Number(v)
    if (v.trim() === '' || !Number.isInteger(n) || n < min || n > max)
      throw new ConfigError(`${name} must be a whole number from ${min} to ${max}, not “${v}”.`)
    return n
  },
})

const choice = <T extends string>(name: string, fallback: T, of: readonly T[], about: string): Setting<T> => ({
  name,
  about,
  fallback,
  parse(v) {
    const found = of.find((one) => one === v)
    if (found === undefined) throw new ConfigError(`${name} must be one of ${of.join(', ')}, not “${v}”.`)
    return found
  },
})

const list = (name: string, about: string): Setting<readonly string[]> => ({
  name,
  about,
  fallback: [],
  parse: (v) =>
    v
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
})

/** Every setting, in the order of the guide's table (docs/guide/operations.md is held to it by a test). */
export const settings = {
  host: text('HOST', '127.0.0.1', 'Address to listen on. Anything but loopback needs an API key, or INSECURE.'),
  port: integer('PORT', 8000, 0, 65_535, 'Port to listen on; 0 takes a free one.'),
  home: {
    ...text('BAROMETER_HOME', HOME, 'Folder of the state: database, model versions, secret.'),
    // Compose files set to '' what is not set; the state is not to be strewn over the working folder.
    parse: (v: string) => (v === '' ? HOME : v),
  },
  databaseUrl: hidden(
    'DATABASE_URL',
    'postgres://… for PostgreSQL; without it SQLite in BAROMETER_HOME.',
    /^(?:postgres(?:ql)?|sqlite):/,
    'an address like postgres://USER:PASSWORD@HOST/DATABASE',
  ),
  databasePoolMax: integer(
    'DATABASE_POOL_MAX',
    6,
    2,
    500,
    'PostgreSQL: most connections for reads and changes, beside two for commits.',
  ),
  dataFolder: optional(
    'BAROMETER_DATA',
    'Folder of public data sets, for making the starter models and for benchmarks.',
  ),
  secret: hidden(
    'BAROMETER_SECRET',
    'Secret under which keys are hashed and sessions signed; without it a file in BAROMETER_HOME.',
  ),
  sentimentModel: {
    name: 'BAROMETER_SENTIMENT_MODEL',
    about: 'What serves the task sentiment: `starter`, NAME@VERSION, or a model of the Hub: hf:OWNER/NAME[@REVISION].',
    fallback: null,
    parse(v) {
      if (v === '') return null
      if (v === 'starter' || /^[a-z][a-z0-9_-]{0,62}@[1-9]\d{0,8}$/.test(v) || hubModel(v) !== null) return v
      throw new ConfigError(
        `BAROMETER_SENTIMENT_MODEL must be starter, NAME@VERSION or hf:OWNER/NAME[@REVISION], not “${v}”.`,
      )
    },
  } satisfies Setting<string | null> as Setting<string | null>,
  sentimentLabels: optional(
    'BAROMETER_SENTIMENT_LABELS',
    'File that says what the labels of that model mean, for instance {"LABEL_0": "negative", "LABEL_1": "positive"}.',
  ),
  sentimentQuantised: flag(
    'BAROMETER_SENTIMENT_QUANTIZED',
    false,
    'Serve that model with weights of 8 bits: faster and smaller, and a little less exact.',
  ),
  hubEndpoint: {
    name: 'HF_ENDPOINT',
    about: 'Address of the Hugging Face Hub or of a mirror.',
    fallback: 'https://huggingface.co',
    parse(v) {
      const url = URL.canParse(v) ? new URL(v) : null
      if (
        url === null ||
        !/^https?:$/.test(url.protocol) ||
        url.username !== '' ||
        url.password !== '' ||
        url.search !== ''
      )
        throw new ConfigError(
          `HF_ENDPOINT must be an address like https://huggingface.co, and has no user or password in it. What it is now is not shown here.`,
        )
      return v.replace(/\/+$/, '')
    },
  } satisfies Setting<string> as Setting<string>,
  hubToken: hidden(
    'HF_TOKEN',
    'Token for models of the Hub that are private or gated; sent to HF_ENDPOINT only.',
    TOKEN,
    TOKEN_WORDS,
  ),
  hubCache: optional(
    'HF_HUB_CACHE',
    'Folder that keeps models of the Hub, shared with its other tools; default HF_HOME/hub.',
  ),
  hubHome: optional('HF_HOME', "Folder of the Hub's tools; default XDG_CACHE_HOME/huggingface."),
  cacheHome: optional('XDG_CACHE_HOME', 'Folder of caches; default ~/.cache.'),
  hubOffline: flag('HF_HUB_OFFLINE', false, 'Take models of the Hub from the cache only.'),
  keepText: choice<KeepText>('KEEP_TEXT', 'full', ['full', 'redacted', 'hash'], 'What the log keeps of a text.'),
  textCharsMax: integer('TEXT_CHARS_MAX', 20_000, 1, 1_000_000, 'Longest text that is scored, in UTF-16 code units.'),
  batchItemsMax: integer('BATCH_ITEMS_MAX', 1000, 1, 10_000, 'Most items of one batch request.'),
  bodyBytesMax: integer('BODY_BYTES_MAX', 32 * 2 ** 20, 1024, 2 ** 30, 'Largest request body, in bytes.'),
  scoringTextsMax: integer(
    'SCORING_TEXTS_MAX',
    1024,
    1,
    1_000_000,
    'Most texts that wait for a neural model before requests are refused.',
  ),
  scoringSecondsMax: integer(
    'SCORING_SECONDS_MAX',
    10,
    1,
    3600,
    'Time that a text may wait for its score by a neural model, in seconds.',
  ),
  scoringThreads: integer('SCORING_THREADS', 0, 0, 64, 'Threads that score with neural models; 0 for one a core.'),
  queueRowsMax: integer(
    'QUEUE_ROWS_MAX',
    20_000,
    1,
    1_000_000,
    'Most predictions that wait for their commit before requests are refused.',
  ),
  retainRows: integer(
    'RETAIN_ROWS',
    10_000_000,
    0,
    Number.MAX_SAFE_INTEGER,
    'Most predictions that the log keeps; 0 for no limit.',
  ),
  retainDays: integer('RETAIN_DAYS', 0, 0, 36_500, 'Days that the log keeps a prediction; 0 for no limit.'),
  requestSecondsMax: integer(
    'REQUEST_SECONDS_MAX',
    30,
    1,
    3600,
    'Time that a request may take to arrive, and that an answer may stand still, in seconds.',
  ),
  shutdownSecondsMax: integer(
    'SHUTDOWN_SECONDS_MAX',
    10,
    1,
    600,
    'Time that accepted requests have to finish when the server stops, in seconds.',
  ),
  ratePerAddress: integer('RATE_PER_ADDRESS', 0, 0, 1_000_000_000, 'Requests a minute and address; 0 for no limit.'),
  corsOrigins: list('CORS_ORIGINS', 'Origins of other pages that may call the API, separated by commas.'),
  allowedHosts: list(
    'ALLOWED_HOSTS',
    'Host names by which the server may be called beside loopback names, separated by commas.',
  ),
  mlflowUri: address(
    'MLFLOW_TRACKING_URI',
    'Address of an MLflow server that every training run is reported to.',
    'http://mlflow.example:5000',
  ),
  mlflowToken: hidden('MLFLOW_TRACKING_TOKEN', 'Bearer token for that server.', TOKEN, TOKEN_WORDS),
  trustProxy: flag(
    'TRUST_PROXY',
    false,
    'Take the client address and scheme from X-Forwarded-* (behind one load balancer of yours).',
  ),
  metricsPublic: flag('METRICS_PUBLIC', false, 'GET /metrics needs no key.'),
  insecure: flag('INSECURE', false, 'Listen on any address without a key.'),
  logLevel: choice(
    'LOG_LEVEL',
    'info',
    ['debug', 'info', 'warn', 'error', 'silent'] as const,
    'Least important log line that is written.',
  ),
  logFormat: choice(
    'LOG_FORMAT',
    'auto',
    ['auto', 'text', 'json'] as const,
    'How log lines are written: words for a person or JSON; auto takes words on a terminal.',
  ),
} as const

type Settings = typeof settings
type Values = { readonly [K in keyof Settings]: Settings[K] extends Setting<infer T> ? T : never }

/** Settings as they are, or as they are written. */
export type Overrides = { readonly [K in keyof Values]?: Values[K] | string }

export interface Config extends Values {
  /** Absolute. */
  readonly home: string
}

/**
 * Reads the settings file (BAROMETER_CONFIG, else `barometer.json` in the working folder if there is one), then the
 * environment, then `overrides` (command-line flags); the later wins.
 *
 * @throws ConfigError for an unknown key in the file or a value out of range.
 */
export function loadConfig(
  environment: Readonly<Record<string, string | undefined>>,
  folder: string,
  overrides: Overrides = {},
): Config {
  const file = readSettingsFile(environment['BAROMETER_CONFIG'], folder)
  const known = new Set<string>(Object.values(settings).map((setting) => setting.name))
  for (const key of Object.keys(file)) {
    if (!known.has(key)) throw new ConfigError(`The settings file has an unknown key “${key}”.`)
  }
  const values: Record<string, unknown> = {}
  for (const [key, setting] of Object.entries(settings)) {
    const given = environment[setting.name] ?? file[setting.name]
    values[key] = given === undefined ? setting.fallback : setting.parse(given)
  }
  for (const [key, value] of Object.entries(overrides)) {
    const setting: Setting<unknown> = settings[key as keyof Settings] // the type of the overrides has no other keys
    values[key] = typeof value === 'string' ? setting.parse(value) : value
  }
  const merged = values as unknown as Values // every key of Values was set in the loops above
  return Object.freeze({ ...merged, home: isAbsolute(merged.home) ? merged.home : resolve(folder, merged.home) })
}

function readSettingsFile(named: string | undefined, folder: string): Record<string, string> {
  const path = named ?? join(folder, 'barometer.json')
  let json: string
  try {
    json = readFileSync(path, 'utf8')
  } catch (error) {
    if (named === undefined) return {}
    throw new ConfigError(`The settings file ${path} cannot be read.`, { cause: error })
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch (error) {
    // The error itself quotes the file, where a secret may stand.
    throw new ConfigError(`The settings file ${path} is not valid JSON${placeOf(error)}.`)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new ConfigError(`The settings file ${path} must hold one JSON object.`)
  return Object.fromEntries(
    Object.entries(parsed).map(([key, value]) => {
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
        return [key, String(value)]
      throw new ConfigError(`The settings file's “${key}” must be a string, a number or a boolean.`)
    }),
  )
}

function placeOf(error: unknown): string {
  const place = error instanceof Error ? /\(line \d+ column \d+\)/.exec(error.message) : null
  return place === null ? '' : ` ${place[0]}`
}
