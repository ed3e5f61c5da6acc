/** From the Hub to the registry, with real files: tiny models that transformers made and exported. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FakeHub, fakeHub, type RepositoryFiles } from '../../../test/hub/fakeHub.ts'
import { loadConfig } from '../../config.ts'
import { Fault } from '../../domain/faults.ts'
import { openSession, runTensor, valuesOf } from '../../engine/session.ts'
import { readTokenizer } from '../../engine/tokenize/tokenizer.ts'
import { loadOnce } from '../../loop/promote.ts'
import { softmax } from '../../math/softmax.ts'
import { servedQueue } from '../../models/servedModel.ts'
import type { QueuedTextModel } from '../../models/textModel.ts'
import { openStore } from '../../store/openStore.ts'
import type { Store } from '../../store/store.ts'
import { type Artifact, wholeFile } from '../artifacts/artifact.ts'
import { artifactFolder } from '../artifacts/fetchArtifact.ts'
import { verifyArtifact } from '../artifacts/folder.ts'
import { readReference } from '../artifacts/reference.ts'
import { applySetting } from './applySetting.ts'
import { hubOf, type Imported, type ImportNeeds, type ImportRequest, importModel, nameFrom } from './importModel.ts'

const imported = (name: string) => readFileSync(new URL(`../../../test/golden/imported/${name}`, import.meta.url))
/** 60 words, as the vocabulary of the tiny models has. */
const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'film', 'a', 'the']
const vocabulary = [...WORDS, ...Array.from({ length: 50 }, (_, i) => `w${i}`)].join('\n')
const card = '---\nlicense: apache-2.0\n---\n# A tiny model'
const config = imported('distilbert/config.json')
const onnx: RepositoryFiles = {
  'config.json': config,
  'vocab.txt': vocabulary,
  'README.md': card,
  'onnx/model.onnx': imported('distilbert/script-sdpa-17.onnx'),
}

const folder = mkdtempSync(join(tmpdir(), 'barometer-import-'))
let hub: FakeHub
let store: Store
let home: string
let notices: string[]

beforeEach(async () => {
  hub = await fakeHub()
  home = mkdtempSync(join(folder, 'home-'))
  store = await openStore({ url: null, home, now: Date.now })
  notices = []
})
afterEach(async () => {
  await store.close()
  await hub.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The queue of a model that answers one by one: the serving's own has threads. */
async function open(artifact: Artifact): Promise<QueuedTextModel> {
  const { labels, calibration } = artifact.manifest
  const form = JSON.parse(new TextDecoder().decode(await wholeFile(artifact, 'transformer.json')))
  const tokenizer = readTokenizer(await wholeFile(artifact, 'tokenizer.json'), form)
  const session = await openSession(await wholeFile(artifact, 'model.onnx'))
  return {
    labels,
    async submit(text) {
      const { ids, tokens, unknown } = tokenizer.encode(text)
      const row = (values: Iterable<number>) =>
        runTensor('int64', BigInt64Array.from(Array.from(values, BigInt)), [1, ids.length])
      const feeds = { input_ids: row(ids), attention_mask: row(ids.map(() => 1)) }
      const { logits } = await session.run(feeds, ['logits'])
      const probabilities = softmax(valuesOf('float32', logits).map((z) => z / calibration.temperature))
      return { label: probabilities.indexOf(Math.max(...probabilities)), probabilities, tokens, unknown }
    },
    explain: () => Promise.reject(new Error('not here')),
    close: () => session.close(),
  }
}

function settings(more: Record<string, string> = {}) {
  return loadConfig({ HF_ENDPOINT: hub.endpoint, HF_HOME: join(home, 'hf'), BAROMETER_HOME: home, ...more }, home)
}

function needs(more: Record<string, string> = {}): ImportNeeds {
  return {
    hub: hubOf(settings(more)),
    store,
    modelsFolder: join(home, 'models'),
    open: async (artifact) => servedQueue(await open(artifact)),
    now: Date.now,
    engine: '0.1.0',
    onProgress: () => undefined,
    onNotice: (words) => notices.push(words),
    signal: new AbortController().signal,
  }
}

const asked: ImportRequest = {
  word: 'hf:someone/Tiny.Mood',
  model: null,
  task: null,
  labels: null,
  rows: null,
  quantised: false,
  first: 'hub',
  who: 'test',
  why: 'a test',
}

const importIt = (more: Partial<ImportRequest> = {}): Promise<Imported> => importModel({ ...asked, ...more }, needs())
const artifactOf = ({ version }: Imported) => verifyArtifact(artifactFolder(join(home, 'models'), version.digest))
const score = async (artifact: Artifact, text: string) => {
  const model = await open(artifact)
  try {
    return (await model.submit(text, { deadlineMs: 1000 })).probabilities
  } finally {
    await model.close()
  }
}

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error: unknown = await work.catch((error: unknown) => error)
  if (error instanceof Fault) return error
  throw error
}

describe('a model of the hub', () => {
  test('becomes a version that says where it is from, and scores', async () => {
    const commit = hub.commit('someone/Tiny.Mood', onnx)
    const { version, isNew } = await importIt()
    expect(isNew).toBe(true)
    expect(version).toMatchObject({ model: 'tiny-mood', version: 1, task: 'sentiment', stage: 'staging' })
    const { manifest } = version
    expect(manifest).toMatchObject({
      kind: 'transformer',
      labels: ['negative', 'neutral', 'positive'],
      evaluations: [],
      calibration: { temperature: 1, rows: 0, ece: 0 },
      data: { rows: 0, sources: [{ name: `hf:someone/Tiny.Mood@${commit}`, rows: 0, terms: 'apache-2.0' }] },
    })
    expect(manifest.recipe.parameters).toMatchObject({ from: 'hf:someone/Tiny.Mood', commit, file: 'onnx/model.onnx' })
    const artifact = await artifactOf({ version, isNew })
    expect(JSON.parse(new TextDecoder().decode(await wholeFile(artifact, 'transformer.json')))).toEqual({
      family: 'distilbert',
      maxLength: 24,
      padId: 0,
      inputs: ['input_ids', 'attention_mask'],
      precision: 'fp32',
      base: 'hf:someone/Tiny.Mood',
    })
    const shown = new TextDecoder().decode(await wholeFile(artifact, 'card.md'))
    expect(shown).toContain('apache-2.0')
    expect(shown).toContain('What is not known')
    expect((await score(artifact, 'a good film')).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6)
  })

  test('is imported once', async () => {
    hub.commit('someone/Tiny.Mood', onnx)
    await importIt()
    expect(await importIt({ word: 'hf:someone/Tiny.Mood@main' })).toMatchObject({
      isNew: false,
      version: { version: 1 },
    })
    hub.commit('someone/Tiny.Mood', { ...onnx, 'README.md': `${card}, better` })
    expect(await importIt()).toMatchObject({ isNew: true, version: { version: 2 } })
  })

  test('as a checkpoint answers what its export answers', async () => {
    const { 'onnx/model.onnx': _onnx, ...rest } = onnx
    hub.commit('someone/Tiny.Mood', onnx)
    hub.commit('someone/checkpoint', { ...rest, 'model.safetensors': imported('distilbert/model.safetensors') })
    const [one, other] = [await importIt(), await importIt({ word: 'hf:someone/checkpoint' })]
    const text = 'the bad film w3 w44'
    const [expected, got] = [await score(await artifactOf(one), text), await score(await artifactOf(other), text)]
    for (const [k, p] of expected.entries()) expect(got[k]).toBeCloseTo(p, 5)
  })

  test('with labels of the user is called by them, and those that are the same are added up', async () => {
    hub.commit('someone/Tiny.Mood', onnx)
    const plain = await score(await artifactOf(await importIt()), 'a bad film')
    const renamed = await importIt({ labels: { neutral: 'positive' }, model: 'two' })
    expect(renamed.version.manifest.labels).toEqual(['negative', 'positive'])
    const [negative, positive] = await score(await artifactOf(renamed), 'a bad film')
    expect(negative).toBeCloseTo(plain[0], 6)
    expect(positive).toBeCloseTo(plain[1] + plain[2], 6)
  })

  test('whose labels mean nothing waits for a map, and nothing is registered', async () => {
    const nameless = { ...JSON.parse(config.toString()), id2label: undefined, num_labels: 3 }
    hub.commit('someone/Tiny.Mood', { ...onnx, 'config.json': JSON.stringify(nameless) })
    expect((await faultOf(importIt())).message).toMatch(/LABEL_0, LABEL_1, LABEL_2; .*--labels FILE/)
    const labels = { LABEL_0: 'anger', LABEL_1: 'joy', LABEL_2: 'sadness' }
    const { version } = await importIt({ labels })
    expect(version).toMatchObject({ task: 'tiny-mood', manifest: { labels: ['anger', 'joy', 'sadness'] } })
    expect(await store.registry.models()).toHaveLength(1)
  })

  test('with the tokenizer of another is found out', async () => {
    hub.commit('someone/Tiny.Mood', { ...onnx, 'vocab.txt': `${vocabulary}\none-more` })
    expect(await faultOf(importIt())).toMatchObject({
      code: 'model_unsupported',
      message: expect.stringMatching(/tokenizer/),
    })
  })

  test.each([
    ['half the bytes', imported('distilbert/script-sdpa-17.onnx').subarray(0, 3000)],
    ['a web page', Buffer.from('<html>'.repeat(100))],
  ])('that is %s is refused', async (_what, bytes) => {
    hub.commit('someone/Tiny.Mood', { ...onnx, 'onnx/model.onnx': bytes })
    expect(['artifact_broken', 'model_unsupported']).toContain((await faultOf(importIt())).code)
    expect(await store.registry.models()).toEqual([])
  })
})

test('rows of the user calibrate it, measure it and freeze a reference, none of them on the rows of another', async () => {
  hub.commit('someone/Tiny.Mood', onnx)
  const rows = Array.from({ length: 300 }, (_, i) => ({
    text: `${i % 3 === 0 ? 'a good film' : 'the bad film'} w${i % 50} ${i}`,
    label: ['negative', 'positive', 'neutral'][i % 3],
  }))
  const { version } = await importIt({ rows: { name: 'ours.csv', rows } })
  const { calibration, evaluations } = version.manifest
  expect(calibration.rows + evaluations[0].rows).toBe(300)
  expect(evaluations[0]).toMatchObject({ name: 'ours.csv' })
  expect(calibration.temperature).not.toBe(1)
  const reference = readReference(await artifactOf({ version, isNew: true }))
  expect(reference?.rows).toBe(evaluations[0].rows)
})

test('a folder with an export is imported like a model of the hub', async () => {
  const exported = mkdtempSync(join(folder, 'My Export-'))
  for (const [name, bytes] of Object.entries(onnx)) writeFileSync(join(exported, name.replace('onnx/', '')), bytes)
  const { version } = await importIt({ word: exported })
  expect(version.manifest.data.sources[0].name).toBe(exported)
  expect(version.model).toMatch(/^my-export-/)
})

test('a folder is known by its files: changed weights are another version, the same files under another name are not', async () => {
  const exported = mkdtempSync(join(folder, 'export-'))
  for (const [name, bytes] of Object.entries(onnx)) writeFileSync(join(exported, name.replace('onnx/', '')), bytes)
  const first = await importIt({ word: exported, model: 'mine' })
  expect(first).toMatchObject({ isNew: true, version: { version: 1 } })
  expect(await importIt({ word: exported, model: 'mine' })).toMatchObject({ isNew: false, version: { version: 1 } })
  const copy = mkdtempSync(join(folder, 'copy-'))
  cpSync(exported, copy, { recursive: true })
  expect(await importIt({ word: copy, model: 'mine' })).toMatchObject({ isNew: false, version: { version: 1 } })

  writeFileSync(join(exported, 'model.onnx'), imported('distilbert/quantized.onnx'))
  const second = await importIt({ word: exported, model: 'mine' })
  expect(second).toMatchObject({ isNew: true, version: { version: 2 } })
  expect(await score(await artifactOf(second), 'good film')).not.toEqual(
    await score(await artifactOf(first), 'good film'),
  )
  expect(await importIt({ word: copy, model: 'mine' })).toMatchObject({ isNew: false, version: { version: 1 } })
})

test.each([
  ['hf:owner/Some.Name_v2', 'some-name_v2'],
  ['./folder/123-Model/', 'model'],
  ['hf:a/2', 'adopted'],
])('%s is called %s', (title, name) => {
  expect(nameFrom(title)).toBe(name)
})

describe('one line of configuration', () => {
  const WORD = 'hf:someone/Tiny.Mood'
  const apply = (more: Record<string, string> = {}) => {
    const { hub: _hub, ...rest } = needs()
    return applySetting(settings({ BAROMETER_SENTIMENT_MODEL: WORD, ...more }), {
      ...rest,
      load: loadOnce(rest),
      starter: async () => null,
    })
  }

  test('puts the model into production, with an event', async () => {
    hub.commit('someone/Tiny.Mood', onnx)
    expect(await apply()).toMatchObject({ kind: 'promoted', version: { model: 'tiny-mood', version: 1 } })
    const [event] = (await store.registry.events({ limit: 100 })).filter(({ to }) => to === 'production')
    expect(event).toMatchObject({ task: 'sentiment', who: 'setting', why: `BAROMETER_SENTIMENT_MODEL=${WORD}` })
  })

  test('needs no hub at the next start, and decides nothing again', async () => {
    hub.commit('someone/Tiny.Mood', onnx)
    await apply()
    await hub.close()
    expect(await apply()).toMatchObject({ kind: 'in-production' })
    expect(await store.registry.events({ limit: 100 })).toHaveLength(2)
  })

  test('does not undo what was decided since, until it says something else', async () => {
    hub.commit('someone/Tiny.Mood', onnx)
    hub.commit('someone/other', { ...onnx, 'README.md': 'other' })
    await apply()
    const { version } = await importIt({ word: 'hf:someone/other' })
    await store.registry.promote({ model: version.model, version: 1, who: 'a person', why: 'better', at: Date.now() })
    expect(await apply()).toMatchObject({ kind: 'decided-since' })
    expect((await store.registry.production()).get('sentiment')?.model).toBe('other')
    expect(
      await apply({ BAROMETER_SENTIMENT_MODEL: `${WORD}@main`, BAROMETER_SENTIMENT_QUANTIZED: 'false' }),
    ).toMatchObject({
      kind: 'promoted',
    })
    expect((await store.registry.production()).get('sentiment')?.model).toBe('tiny-mood')
  })

  test('that cannot be applied is a fault that says why', async () => {
    expect((await faultOf(apply())).code).toBe('hub_unknown')
    expect((await faultOf(apply({ BAROMETER_SENTIMENT_MODEL: 'mood@3' }))).code).toBe('version_unknown')
    expect((await faultOf(apply({ BAROMETER_SENTIMENT_MODEL: 'starter' }))).code).toBe('version_unknown')
    await hub.close()
    expect((await faultOf(apply())).code).toBe('hub_unreachable')
  })

  test('reads what the labels mean from a file', async () => {
    hub.commit('someone/Tiny.Mood', onnx)
    const labels = join(home, 'labels.json')
    writeFileSync(labels, '{"neutral": "positive"}')
    const applied = await apply({ BAROMETER_SENTIMENT_LABELS: labels })
    expect(applied).toMatchObject({ version: { manifest: { labels: ['negative', 'positive'] } } })
    writeFileSync(labels, '["negative"]')
    expect((await faultOf(apply({ BAROMETER_SENTIMENT_LABELS: labels }))).code).toBe('data_broken')
  })
})
