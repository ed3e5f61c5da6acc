import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openAtOnce } from '../../test/openAtOnce.ts'
import { summaryOf } from '../domain/version.ts'
import { type ServedModel, servedQueue, servedText } from '../models/servedModel.ts'
import type { Detector, NodeScore } from '../models/telemetry/detector.ts'
import type { Scored } from '../models/textModel.ts'
import { openStore } from '../store/openStore.ts'
import type { Store } from '../store/store.ts'
import { makeArtifact } from '../versions/artifacts/artifact.ts'
import { artifactFolder } from '../versions/artifacts/fetchArtifact.ts'
import { verifyArtifact } from '../versions/artifacts/folder.ts'
import { loadOnce, type PromoteNeeds, promote, rollBack } from './promote.ts'
import { register } from './register.ts'

const starter = new URL('../../../starter/sentiment', import.meta.url).pathname
const by = { who: 'anna', why: 'it is better' }
let home: string
let store: Store
let needs: PromoteNeeds
let modelsFolder: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'promote-test-'))
  modelsFolder = join(home, 'models')
  store = await openStore({ url: null, home, now: Date.now })
  needs = { registry: store.registry, load: loadOnce({ store, modelsFolder, open: openAtOnce }), now: () => 7 }
})
afterEach(async () => {
  await store.close()
  await rm(home, { recursive: true, force: true })
})

/** Registers versions that score alike. @returns their digests */
async function registered(versions: number): Promise<readonly string[]> {
  const { manifest, files } = await verifyArtifact(starter)
  const { files: _, ...parts } = manifest
  const digests = []
  for (let seed = 0; seed < versions; seed++) {
    const artifact = makeArtifact({ ...parts, seed: 100 + seed }, files)
    await register(artifact, by, { store, modelsFolder, open: openAtOnce, now: Date.now })
    digests.push(artifact.digest)
  }
  return digests
}

const sentiment = (version: number) => ({ model: 'sentiment', version })
const serving = async () => (await store.registry.production()).get('sentiment')?.version ?? null
const answering = (served: ServedModel): PromoteNeeds => ({
  ...needs,
  load: () => Promise.resolve({ served, [Symbol.asyncDispose]: () => Promise.resolve() }),
})

test('a promotion and a roll-back are one event each, which says from what to what, by whom and why', async () => {
  await registered(2)
  await promote(sentiment(1), by, needs)
  expect(await promote(sentiment(2), by, needs)).toMatchObject({ ...by, at: 7, replaced: sentiment(1) })
  const back = await rollBack('sentiment', { who: 'ben', why: 'complaints' }, needs)
  expect([summaryOf(back), back.who, back.why]).toEqual(['Rolled back from 2 to 1', 'ben', 'complaints'])
  expect((await store.registry.events({ limit: 9 })).map(summaryOf)).toEqual([
    'Registered 1',
    'Registered 2',
    'Promoted 1',
    'Promoted 2 in place of 1',
    'Rolled back from 2 to 1',
  ])
})

test('a version that does not load any more is neither promoted nor rolled back to, and no event says so', async () => {
  const [first, second] = await registered(3)
  await promote(sentiment(1), by, needs)
  await truncate(join(artifactFolder(modelsFolder, second), 'model.bin'), 1000)
  await expect(promote(sentiment(2), by, needs)).rejects.toMatchObject({ code: 'artifact_broken' })
  await promote(sentiment(3), by, needs)
  await truncate(join(artifactFolder(modelsFolder, first), 'model.bin'), 1000)
  await expect(rollBack('sentiment', by, needs)).rejects.toMatchObject({ code: 'artifact_broken' })
  expect(await serving()).toBe(3)
  expect(await store.registry.events({ limit: 99 })).toHaveLength(5)
})

const labels = ['negative', 'neutral', 'positive']
const answer = (label: number, ...probabilities: number[]): Scored => ({
  label,
  probabilities: Float64Array.from(probabilities),
  tokens: 1,
  unknown: 0,
})
const noExplanation = () => {
  throw new Error('is not asked for')
}

test.each([
  ['not a number', answer(0, Number.NaN, Number.NaN, Number.NaN)],
  ['sums to more than 1', answer(0, 0.9, 0.9, 0.1)],
  ['negative', answer(0, 1.5, -0.5, 0)],
  ['one label short', answer(0, 0.5, 0.5)],
  ['a label that is none', answer(3, 0.5, 0.25, 0.25)],
])('a model that loads and whose answer is %s does not get into production', async (_, scored) => {
  await registered(1)
  const text = servedText({ labels, score: () => scored, explain: noExplanation })
  const queued = servedQueue({
    labels,
    submit: () => Promise.resolve(scored),
    explain: noExplanation,
    close: () => Promise.resolve(),
  })
  for (const served of [text, queued])
    await expect(promote(sentiment(1), by, answering(served))).rejects.toMatchObject({ code: 'artifact_broken' })
  expect(await serving()).toBeNull()
})

test.each<[string, NodeScore[], boolean]>([
  ['learns', [{ kind: 'learning', samples: 1, of: 20 }], true],
  ['scores', [{ kind: 'scored', logit: 0, probability: 0.5, anomalous: false }], true],
  ['scores with no number', [{ kind: 'scored', logit: 0, probability: Number.NaN, anomalous: false }], false],
  ['says nothing', [], false],
])('a detector is given a sample, and forgets it; one that %s', async (_, scores, ok) => {
  await registered(1)
  const nodes = new Set<string>()
  const detector = {
    step: (samples: readonly { node: string }[]) => {
      for (const { node } of samples) nodes.add(node)
      return Promise.resolve(scores)
    },
    forget: (node: string) => void nodes.delete(node),
  } as unknown as Detector // all that is asked of it
  const promoting = promote(
    sentiment(1),
    by,
    answering({ kind: 'detector', labels, detector, close: () => Promise.resolve() }),
  )
  if (ok) await promoting
  else await expect(promoting).rejects.toMatchObject({ code: 'artifact_broken' })
  expect(nodes.size).toBe(0)
  expect(await serving()).toBe(ok ? 1 : null)
})

test('a roll-back where nothing was before is refused in words', async () => {
  await expect(rollBack('sentiment', by, needs)).rejects.toThrow(/no model “sentiment”/)
  await registered(1)
  await expect(rollBack('sentiment', by, needs)).rejects.toThrow(/No version of “sentiment” is in production/)
  await promote(sentiment(1), by, needs)
  await expect(rollBack('sentiment', by, needs)).rejects.toThrow(/no production version before sentiment@1/)
  await expect(promote(sentiment(1), by, needs)).rejects.toThrow(/in production already/)
  await expect(promote(sentiment(2), by, needs)).rejects.toMatchObject({ code: 'version_unknown' })
})

test('nobody else puts a version into production', () => {
  const source = new URL('..', import.meta.url).pathname
  const callers = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .filter((file) => /\.(promote|rollBack)\(/.test(readFileSync(join(source, file), 'utf8')))
  expect(callers).toEqual(['loop/promote.ts'])
})
