import { randomBytes } from 'node:crypto'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FakeHub, fakeHub, type RepositoryFiles } from '../../../test/hub/fakeHub.ts'
import { Fault, type FaultCode } from '../../domain/faults.ts'
import { hubModel } from '../../domain/hubModel.ts'
import { externalFiles } from '../../engine/onnx/decode.ts'
import { type Hub, hubLimits } from './hub.ts'
import type { ModelFiles } from './modelFiles.ts'
import { folderModel, type PullNeeds, type PullOptions, pullModel } from './pullModel.ts'

const golden = (name: string) => readFileSync(new URL(`../../../test/golden/onnx/${name}`, import.meta.url))
const MODEL = 'someone/mood'
/** Large enough to lie on the second host, and to be cut. Its bytes are no model: it is never opened here. */
const WEIGHTS = randomBytes(300_000)
const plain: RepositoryFiles = {
  'config.json': '{"model_type":"distilbert"}',
  'tokenizer.json': '{}',
  'tokenizer_config.json': '{"model_max_length":512}',
  'README.md': '---\nlicense: apache-2.0\n---\n',
  'model.safetensors': WEIGHTS,
  'pytorch_model.bin': randomBytes(400_000),
  'onnx/model_fp16.onnx': randomBytes(200_000),
}

let hub: FakeHub
let cacheFolder: string
let notices: string[]

beforeEach(async () => {
  hub = await fakeHub()
  cacheFolder = mkdtempSync(join(tmpdir(), 'barometer-hub-'))
  notices = []
})
afterEach(async () => {
  await hub.close()
  rmSync(cacheFolder, { recursive: true, force: true })
})

function place(more: Partial<Hub> = {}): Hub {
  return {
    endpoint: hub.endpoint,
    token: null,
    cacheFolder,
    offline: false,
    limits: { ...hubLimits, idleSeconds: 0.3, attempts: 3, pauseMs: 10 },
    ...more,
  }
}

async function pull(
  more: Partial<Hub> = {},
  options: Partial<PullOptions> = {},
  needs: Partial<PullNeeds> = {},
): Promise<ModelFiles> {
  const model = hubModel(`hf:${MODEL}`)
  if (model === null) throw new Error('unreachable')
  return pullModel(
    model,
    { wanted: 'to-serve', first: 'hub', ...options },
    {
      hub: place(more),
      externalFiles: () => new Map(),
      onProgress: () => undefined,
      onNotice: (words) => notices.push(words),
      signal: new AbortController().signal,
      ...needs,
    },
  )
}

async function faultOf(work: Promise<unknown>, code: FaultCode): Promise<Fault> {
  const error: unknown = await work.then(
    () => new Error('no fault'),
    (error: unknown) => error,
  )
  if (!(error instanceof Fault)) throw error
  expect(error.code).toBe(code)
  return error
}

const repositoryFolder = () => join(cacheFolder, 'models--someone--mood')
const blobs = () => readdirSync(join(repositoryFolder(), 'blobs'))
const largeAsked = () => hub.asked.filter(({ host }) => host === 'files')

describe('a model is named', () => {
  test.each([
    ['hf:someone/mood', { repository: 'someone/mood', revision: 'main' }],
    ['hf:some.one/mood_2-x@v1.0', { repository: 'some.one/mood_2-x', revision: 'v1.0' }],
    ['hf:a/b@refs/pr/3', { repository: 'a/b', revision: 'refs/pr/3' }],
  ])('%s', (word, expected) => {
    expect(hubModel(word)).toEqual(expected)
  })

  test.each([
    'mood',
    'hf:mood',
    'hf:../etc',
    'hf:a/..',
    'hf:a/b@../../x',
    'hf:a/b@x/../y',
    'hf:a/b c',
    'hf:a/b@',
    'hf:a/b/c',
  ])('never %s', (word) => {
    expect(hubModel(word)).toBeNull()
  })
})

describe('from a hub that does as it should', () => {
  test('only what is needed is fetched, and lies where every tool of the hub looks for it', async () => {
    const commit = hub.commit(MODEL, plain)
    const files = await pull()
    expect(files).toMatchObject({ title: 'hf:someone/mood', commit })
    expect(files.chosen.weights).toEqual({ kind: 'safetensors', path: 'model.safetensors' })
    expect(readFileSync(join(files.folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true)
    expect(files.folder).toBe(join(repositoryFolder(), 'snapshots', commit))
    expect(readFileSync(join(repositoryFolder(), 'refs/main'), 'utf8')).toBe(commit)
    expect(readlinkSync(join(files.folder, 'model.safetensors'))).toMatch(/^\.\.[/\\]\.\.[/\\]blobs[/\\][0-9a-f]{64}$/)
    expect(readdirSync(files.folder).sort()).toEqual([
      'README.md',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    expect(blobs()).toHaveLength(5)
  })

  test('nothing is asked a second time where the cache may answer, and only the commit where it may not', async () => {
    hub.commit(MODEL, plain)
    await pull()
    hub.asked.length = 0
    await pull({}, { first: 'cache' })
    expect(hub.asked).toEqual([])
    await pull({}, { first: 'hub' })
    expect(hub.asked.map(({ host }) => host)).toEqual(['hub', 'hub'])
  })

  test('after a branch has moved only the files that changed are fetched', async () => {
    hub.commit(MODEL, plain)
    await pull()
    const sent = hub.sent()
    const commit = hub.commit(MODEL, { ...plain, 'config.json': '{"model_type":"bert"}' })
    const files = await pull()
    expect(files.commit).toBe(commit)
    expect(readFileSync(join(files.folder, 'config.json'), 'utf8')).toBe('{"model_type":"bert"}')
    expect(hub.sent()).toBe(sent)
  })

  test('after the first time no hub is needed', async () => {
    hub.commit(MODEL, plain)
    const before = await pull()
    await hub.close()
    expect(await pull({}, { first: 'cache' })).toEqual(before)
    expect(await pull({ offline: true })).toEqual(before)
    expect(await pull()).toEqual(before)
    expect(notices.join()).toMatch(/cannot be fetched .* The copy in the cache is used/)
  })

  test('the progress ends at the sum of all files', async () => {
    hub.commit(MODEL, plain)
    const shares: number[] = []
    await pull({}, {}, { onProgress: ({ bytes, bytesTotal }) => shares.push(bytes / bytesTotal) })
    expect(shares.at(-1)).toBe(1)
    expect([...shares].sort((a, b) => a - b)).toEqual(shares)
  })

  test('the quantised file comes where it is asked for and there is one', async () => {
    hub.commit(MODEL, { ...plain, 'onnx/model.onnx': WEIGHTS, 'onnx/model_quantized.onnx': randomBytes(20_000) })
    expect((await pull()).chosen.weights).toEqual({ kind: 'onnx', path: 'onnx/model.onnx', quantised: false })
    const quantised = { kind: 'onnx', path: 'onnx/model_quantized.onnx', quantised: true }
    expect((await pull({}, { wanted: 'to-serve-quantised', first: 'cache' })).chosen.weights).toEqual(quantised)
    expect((await pull({}, { wanted: 'to-serve-quantised', first: 'cache' })).chosen.weights).toEqual(quantised)
  })

  test('to learn from, the checkpoint comes even where an export has been fetched to serve', async () => {
    hub.commit(MODEL, { ...plain, 'onnx/model.onnx': randomBytes(20_000) })
    expect((await pull()).chosen.weights.kind).toBe('onnx')
    expect((await pull({}, { wanted: 'to-learn', first: 'cache' })).chosen.weights.kind).toBe('safetensors')
    await hub.close()
    expect((await pull({}, { wanted: 'to-learn', first: 'cache' })).chosen.weights.kind).toBe('safetensors')
    expect((await pull({}, { first: 'cache' })).chosen.weights.kind).toBe('onnx')
  })

  test('weights that lie beside the ONNX file come with it', async () => {
    const files = { 'onnx/model.onnx': golden('outside.onnx'), 'onnx/outside.bin': golden('outside.bin') }
    hub.commit(MODEL, { ...plain, ...files })
    const pulled = await pull({}, {}, { externalFiles })
    expect(readFileSync(join(pulled.folder, 'onnx/outside.bin')).equals(golden('outside.bin'))).toBe(true)
    rmSync(join(pulled.folder, 'onnx/outside.bin'))
    await hub.close()
    await faultOf(pull({ offline: true }, {}, { externalFiles }), 'hub_unreachable')
  })

  test('the token goes to the hub and never to the host of the files', async () => {
    const token = 'hf_secret'
    await hub.close()
    hub = await fakeHub({ token })
    hub.commit(MODEL, plain)
    await pull({ token })
    expect(new Set(hub.asked.filter(({ host }) => host === 'hub').map((one) => one.authorisation))).toEqual(
      new Set([`Bearer ${token}`]),
    )
    expect(largeAsked().map((one) => one.authorisation)).toEqual([undefined])
  })
})

describe('from a hub whose connections break', () => {
  test('a download resumes where it broke, and no byte is sent twice', async () => {
    hub.commit(MODEL, plain)
    hub.mischief.cut = { after: 80_000, times: 3 }
    const files = await pull()
    expect(readFileSync(join(files.folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true)
    expect(largeAsked().map(({ range }) => range)).toEqual([
      undefined,
      'bytes=80000-',
      'bytes=160000-',
      'bytes=240000-',
    ])
    expect(hub.sent()).toBe(WEIGHTS.length)
  })

  test('what a run that died has left is taken up by the next', async () => {
    hub.commit(MODEL, plain)
    hub.mischief.cut = { after: 0, times: 99 }
    hub.mischief.forge = (_path, bytes) => bytes
    const fault = await faultOf(pull(), 'hub_unreachable')
    expect(fault.message).toMatch(/0 of 300000 bytes are kept/)
    const partial = join(repositoryFolder(), 'blobs', blobs().find((name) => name.endsWith('.incomplete')) ?? '')
    writeFileSync(partial, WEIGHTS.subarray(0, 123_456))
    delete hub.mischief.cut
    await pull()
    expect(largeAsked().at(-1)?.range).toBe('bytes=123456-')
    expect(blobs().filter((name) => name.endsWith('.incomplete'))).toEqual([])
  })

  test.each([
    ['damaged', randomBytes(5000)],
    ['longer than the file', randomBytes(400_000)],
    ['as long as the file', randomBytes(300_000)],
  ])('what was left and is %s does not spoil the file', async (_what, left) => {
    hub.commit(MODEL, plain)
    hub.mischief.cut = { after: 0, times: 99 }
    await faultOf(pull(), 'hub_unreachable')
    const partial = join(repositoryFolder(), 'blobs', blobs().find((name) => name.endsWith('.incomplete')) ?? '')
    writeFileSync(partial, left)
    delete hub.mischief.cut
    const files = await pull()
    expect(readFileSync(join(files.folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true)
  })

  test('a mirror without ranges is read again from its start', async () => {
    hub.commit(MODEL, plain)
    hub.mischief.noRanges = true
    hub.mischief.cut = { after: 200_000, times: 1 }
    const files = await pull()
    expect(readFileSync(join(files.folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true)
  })

  test('a hub that stands still is given up after the idle time, and what came is kept', async () => {
    hub.commit(MODEL, plain)
    hub.mischief.stallAfter = 0
    const began = performance.now()
    const fault = await faultOf(pull(), 'hub_unreachable')
    expect(fault.message).toMatch(/sent nothing for 0.3 seconds/)
    expect(performance.now() - began).toBeLessThan(5000)
    hub.mischief.stallAfter = 100_000
    const files = await pull()
    expect(readFileSync(join(files.folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true)
  })

  test('a hub that is busy or down for a moment is retried', async () => {
    hub.commit(MODEL, plain)
    hub.mischief.status = { code: 503 }
    await faultOf(pull(), 'hub_unreachable')
    setTimeout(() => delete hub.mischief.status, 15)
    await pull()
  })

  test('a person who has enough stops it at once', async () => {
    hub.commit(MODEL, plain)
    hub.mischief.stallAfter = 1000
    const stop = new AbortController()
    const pulling = pull({ limits: { ...hubLimits, idleSeconds: 60 } }, {}, { signal: stop.signal })
    setTimeout(() => stop.abort(), 50)
    await expect(pulling).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('from a hub that lies', () => {
  const nothingKept = () =>
    expect(blobs().filter((name) => statSync(join(repositoryFolder(), 'blobs', name)).size >= 100_000)).toEqual([])

  test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['other bytes', (bytes) => bytes.map((byte, at) => (at === 1000 ? byte ^ 1 : byte))],
    ['more bytes', (bytes) => Buffer.concat([bytes, bytes])],
  ])('%s are not believed', async (_what, forged) => {
    hub.commit(MODEL, plain)
    hub.mischief.forge = (path, bytes) => (path === 'model.safetensors' ? forged(bytes) : bytes)
    await faultOf(pull(), 'hub_broken')
    expect(readdirSync(join(repositoryFolder(), 'snapshots'), { recursive: true })).not.toContain('model.safetensors')
  })

  test('other bytes leave nothing behind', async () => {
    hub.commit(MODEL, plain)
    hub.mischief.forge = (_path, bytes) => bytes.map((byte) => byte ^ 1)
    await faultOf(pull(), 'hub_broken')
    nothingKept()
  })

  test('a small file is proven as well', async () => {
    hub.commit(MODEL, plain)
    hub.mischief.forge = (path, bytes) => (path === 'config.json' ? Buffer.from('{"model_type":"distilberx"}') : bytes)
    await faultOf(pull(), 'hub_broken')
  })

  test('fewer bytes than announced are no file', async () => {
    hub.commit(MODEL, plain)
    hub.mischief.forge = (path, bytes) => (path === 'model.safetensors' ? bytes.subarray(0, 1000) : bytes)
    await faultOf(pull(), 'hub_broken')
  })

  test.each([
    '../../../.ssh/authorized_keys',
    '/etc/passwd',
    'a/../../b',
    'C:\\x',
    'x\0y',
    './config.json',
    'a//b',
    '',
  ])('a list with the name “%s” is refused', async (path) => {
    hub.commit(MODEL, plain)
    hub.mischief.list = (entries) => [...entries, { type: 'file', path, size: 1, oid: '0'.repeat(40) }]
    await faultOf(pull(), 'hub_broken')
  })

  test.each<[string, (entries: object[]) => unknown]>([
    ['no list', () => ({ error: 'no' })],
    ['a list of nothings', () => [null, 1, 'x']],
    ['a hash that is a path', (entries) => entries.map((entry) => ({ ...entry, oid: '../../x', lfs: undefined }))],
    ['a negative size', (entries) => entries.map((entry) => ({ ...entry, size: -1, lfs: undefined }))],
  ])('%s is refused', async (_what, list) => {
    hub.commit(MODEL, plain)
    hub.mischief.list = list
    await faultOf(pull(), 'hub_broken')
  })

  test('a web page instead of an answer is refused', async () => {
    hub.mischief.status = {
      code: 200,
      headers: { 'content-type': 'text/html' },
      body: '<html>Please log in to the WiFi',
    }
    await faultOf(pull(), 'hub_broken')
  })

  test('redirects in a ring, or to what is no address, end', async () => {
    hub.commit(MODEL, plain)
    hub.mischief.status = { code: 302, headers: { location: hub.endpoint } }
    await faultOf(pull(), 'hub_broken')
    hub.mischief.status = { code: 302, headers: { location: 'file:///etc/passwd' } }
    await faultOf(pull(), 'hub_broken')
  })

  test('weights beside the model that lead out of its folder are refused before anything is fetched', async () => {
    const traversal = Buffer.from(
      golden('outside.onnx').toString('latin1').replaceAll('outside.bin', '../../x.bin'),
      'latin1',
    )
    hub.commit(MODEL, { ...plain, 'onnx/model.onnx': traversal })
    await faultOf(pull({}, {}, { externalFiles }), 'artifact_broken')
  })
})

describe('what is refused', () => {
  test('a model that is not there, is private, or is gated, each with what to do', async () => {
    expect((await faultOf(pull(), 'hub_unknown')).message).toMatch(/no such model/)
    hub.mischief.status = { code: 401 }
    expect((await faultOf(pull({ token: 'hf_secret' }), 'hub_refused')).message).toMatch(/HF_TOKEN/)
    hub.mischief.status = { code: 403, headers: { 'x-error-code': 'GatedRepo' } }
    const gated = await faultOf(pull({ token: 'hf_secret' }), 'hub_refused')
    expect(gated.message).toMatch(/accept its terms/)
    expect(gated.message).not.toMatch(/hf_secret/)
  })

  test('a pickle is never fetched, and the remedy is named', async () => {
    hub.commit(MODEL, { 'config.json': '{}', 'tokenizer.json': '{}', 'pytorch_model.bin': WEIGHTS })
    const { message } = await faultOf(pull(), 'model_unsupported')
    expect(message).toMatch(/pickle only \(pytorch_model\.bin\)/)
    expect(message).toMatch(/optimum-cli export onnx --model someone\/mood/)
    expect(hub.sent()).toBe(0)
  })

  test('a model without configuration or tokenizer is none', async () => {
    hub.commit(MODEL, { 'model.safetensors': WEIGHTS })
    await faultOf(pull(), 'model_unsupported')
    hub.commit(MODEL, { 'config.json': '{}', 'model.safetensors': WEIGHTS })
    expect((await faultOf(pull(), 'model_unsupported')).message).toMatch(/tokenizer\.json/)
  })

  test('what is too large is not begun', async () => {
    hub.commit(MODEL, plain)
    await faultOf(pull({ limits: { ...hubLimits, fileBytes: 299_999 } }), 'model_unsupported')
    await faultOf(pull({ limits: { ...hubLimits, modelBytes: 300_000 } }), 'model_unsupported')
    await faultOf(pull({ limits: { ...hubLimits, entries: 6 } }), 'model_unsupported')
    expect(hub.sent()).toBe(0)
  })

  test('without a hub and without a copy there is nothing', async () => {
    await hub.close()
    expect((await faultOf(pull(), 'hub_unreachable')).message).toMatch(/ECONNREFUSED/)
    expect((await faultOf(pull({ offline: true }), 'hub_unreachable')).message).toMatch(/HF_HUB_OFFLINE/)
  })
})

test('a copy that was damaged in the cache is noticed, and fetched again', async () => {
  hub.commit(MODEL, plain)
  const { folder } = await pull()
  const blob = realpathSync(join(folder, 'model.safetensors'))
  truncateSync(blob, 1000)
  const files = await pull({}, { first: 'cache' })
  expect(notices.join()).toMatch(/model\.safetensors .* damaged/)
  expect(readFileSync(join(files.folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true)
})

test('a folder that an exporter has left is read as it is', async () => {
  for (const name of ['config.json', 'tokenizer.json', 'model.onnx']) writeFileSync(join(cacheFolder, name), '{}')
  const files = await folderModel(cacheFolder, { wanted: 'to-serve' })
  expect(files).toMatchObject({ commit: null, folder: cacheFolder, chosen: { weights: { path: 'model.onnx' } } })
  await faultOf(folderModel(join(cacheFolder, 'none'), { wanted: 'to-serve' }), 'model_unsupported')
})
