import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigError, loadConfig, printableDatabase, settings } from './config.ts'
import { secretOf } from './domain/secret.ts'

const empty = mkdtempSync(join(tmpdir(), 'config-test-'))

function folderWith(file: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'config-test-'))
  writeFileSync(join(folder, 'barometer.json'), typeof file === 'string' ? file : JSON.stringify(file))
  return folder
}

test('without any settings it listens on loopback, on SQLite in the working folder', () => {
  const config = loadConfig({}, empty)
  expect(config).toMatchObject({ host: '127.0.0.1', port: 8000, home: join(empty, '.barometer'), databaseUrl: null })
  expect(Object.isFrozen(config)).toBe(true)
})

test('the environment wins over the file, and a flag over both', () => {
  const folder = folderWith({ PORT: 8001, KEEP_TEXT: 'hash', CORS_ORIGINS: 'https://a.example, https://b.example' })
  expect(loadConfig({}, folder)).toMatchObject({
    port: 8001,
    keepText: 'hash',
    corsOrigins: ['https://a.example', 'https://b.example'],
  })
  expect(loadConfig({ PORT: '8002' }, folder).port).toBe(8002)
  expect(loadConfig({ PORT: '8002' }, folder, { port: 8003 }).port).toBe(8003)
})

test.each([
  [{ PORT: '80000' }, /PORT must be a whole number from 0 to 65535/],
  [{ PORT: '' }, /PORT/],
  [{ PORT: '8e3.5' }, /PORT/],
  [{ KEEP_TEXT: 'all' }, /KEEP_TEXT must be one of full, redacted, hash/],
  [{ TRUST_PROXY: 'maybe' }, /TRUST_PROXY must be true or false/],
  [{ BAROMETER_SENTIMENT_MODEL: 'hf:../etc' }, /BAROMETER_SENTIMENT_MODEL must be starter, NAME@VERSION or hf:/],
  [{ HF_ENDPOINT: 'ftp://huggingface.co' }, /HF_ENDPOINT must be an address/],
  [{ BAROMETER_CONFIG: '/no/such/file.json' }, /cannot be read/],
])('a setting that cannot be used is refused by name: %o', (environment, say) => {
  expect(() => loadConfig(environment, empty)).toThrow(ConfigError)
  expect(() => loadConfig(environment, empty)).toThrow(say)
})

test.each([
  [{ PROT: 8000 }, /unknown key “PROT”/],
  ['{', /not valid JSON/],
  ['[]', /one JSON object/],
  [{ PORT: [8000] }, /PORT” must be a string, a number or a boolean/],
])('a file that cannot be used is refused: %o', (file, say) => {
  expect(() => loadConfig({}, folderWith(file))).toThrow(say)
})

test('every setting has a name and a sentence of its own', () => {
  const all = Object.values(settings)
  expect(new Set(all.map((setting) => setting.name)).size).toBe(all.length)
  for (const { name, about } of all) {
    expect(name).toMatch(/^[A-Z][A-Z_]+$/)
    expect(about).toMatch(/\.$/)
  }
})

test.each([
  ['postgres://ann:pass@db.example:5433/barometer?password=pass', 'postgres://ann@db.example:5433/barometer'],
  ['postgresql://db/barometer', 'postgresql://db/barometer'],
  ['postgres://ann:pa#ss@db/barometer', 'postgres://…'],
  ['sqlite:/var/lib/barometer.db', '/var/lib/barometer.db'],
])('the address of a database is shown without what is secret: %s', (url, shown) => {
  expect(printableDatabase(secretOf(url))).toBe(shown)
  expect(shown).not.toContain('pass')
})

test('a user and a password are kept apart from the address that they stand in', () => {
  const { mlflowUri } = loadConfig({ MLFLOW_TRACKING_URI: 'https://ann:p%40ss@mlflow.example/base/' }, empty)
  expect(mlflowUri?.url).toBe('https://mlflow.example/base')
  expect(mlflowUri?.login?.reveal()).toBe('ann:p@ss')
})

test('an empty BAROMETER_HOME is one that is not set: the state never lands in the working folder itself', () => {
  expect(loadConfig({ BAROMETER_HOME: '' }, empty).home).toBe(join(empty, '.barometer'))
  expect(loadConfig({}, empty, { home: '' }).home).toBe(join(empty, '.barometer'))
})
