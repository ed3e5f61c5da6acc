import { cp, mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openAtOnce } from '../../test/openAtOnce.ts'
import { Fault } from '../domain/faults.ts'
import { Releases, type ReleasesNeeds } from '../serving/releases.ts'
import { openStore } from '../store/openStore.ts'
import type { Store } from '../store/store.ts'
import { type Artifact, makeArtifact } from '../versions/artifacts/artifact.ts'
import { artifactFolder } from '../versions/artifacts/fetchArtifact.ts'
import { verifyArtifact } from '../versions/artifacts/folder.ts'
import { loadOnce } from './promote.ts'
import { register, registerStarters, type StarterNeeds } from './register.ts'

const starter = new URL('../../../starter/sentiment', import.meta.url).pathname
let home: string
let store: Store
let needs: StarterNeeds & ReleasesNeeds
let said: string[]

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'register-test-'))
  store = await openStore({ url: null, home, now: Date.now })
  said = []
  const given = { store, modelsFolder: join(home, 'models'), starters: [starter], open: openAtOnce }
  needs = {
    ...given,
    load: loadOnce(given),
    windowOf: () => () => false,
    now: Date.now,
    say: (level, what) => said.push(`${level} ${what}`),
  }
})
afterEach(async () => {
  await store.close()
  await rm(home, { recursive: true, force: true })
})

/** The starter under another seed: another version that scores the same. */
async function sibling(seed: number): Promise<Artifact> {
  const { manifest, files } = await verifyArtifact(starter)
  const { files: _, ...parts } = manifest
  return makeArtifact({ ...parts, seed }, files)
}

test('the model in the box serves at once, and starting again changes nothing', async () => {
  await registerStarters(needs)
  await registerStarters(needs)
  const releases = new Releases(needs)
  await releases.follow()
  expect(releases.serving('sentiment')).toMatchObject({ name: 'sentiment', number: 1 })
  expect(await store.registry.events({ limit: 10 })).toHaveLength(2)
})

test('a decision about a task outlives the next start: the starter does not take the place back', async () => {
  await registerStarters(needs)
  await register(await sibling(101), { who: 'anna', why: 'mine' }, needs)
  await store.registry.promote({ model: 'sentiment', version: 2, who: 'anna', why: 'better', at: 1 })
  await registerStarters(needs)
  const releases = new Releases(needs)
  await releases.follow()
  expect(releases.serving('sentiment').number).toBe(2)
})

test('the same artifact is registered once', async () => {
  const artifact = await sibling(102)
  const first = await register(artifact, { who: 'a', why: '' }, needs)
  expect(await register(artifact, { who: 'b', why: '' }, needs)).toEqual(first)
})

test('a version that is broken on disk is not served; the one before goes on, and it is served once it is whole', async () => {
  await registerStarters(needs)
  const releases = new Releases(needs)
  await releases.follow()
  const next = await sibling(103)
  await register(next, { who: 'anna', why: '' }, needs)
  const model = join(artifactFolder(needs.modelsFolder, next.digest), 'model.bin')
  await truncate(model, 1000)
  await store.registry.promote({ model: 'sentiment', version: 2, who: 'anna', why: '', at: 1 })
  await releases.follow()
  await releases.follow()
  expect(releases.serving('sentiment').number).toBe(1)
  expect(releases.broken.get('sentiment')).toMatch(/model\.bin/)
  expect(said.filter((line) => line.startsWith('error'))).toHaveLength(1)
  await expect(releases.load('sentiment', 2)).rejects.toThrow(Fault)

  await register(next, { who: 'anna', why: 'again' }, needs)
  await releases.follow()
  expect(releases.serving('sentiment').number).toBe(2)
  expect(releases.broken.size).toBe(0)
})

test.each(['lost', 'damaged'])('a starter that was %s on disk is put back at the next start', async (what) => {
  await registerStarters(needs)
  if (what === 'lost') await rm(needs.modelsFolder, { recursive: true })
  else {
    const [version] = await store.registry.models()
    await truncate(join(artifactFolder(needs.modelsFolder, version.digest), 'model.bin'), 5)
  }
  await registerStarters(needs)
  const releases = new Releases(needs)
  await releases.follow()
  expect(releases.serving('sentiment').number).toBe(1)
})

test('a broken starter is reported and left out, and the others serve', async () => {
  const broken = join(home, 'broken-starter')
  await cp(starter, broken, { recursive: true })
  await truncate(join(broken, 'model.bin'), 10)
  await registerStarters({ ...needs, starters: [broken, starter] })
  const releases = new Releases(needs)
  await releases.follow()
  expect(releases.tasks).toEqual(['sentiment'])
  expect(said).toContain('error cannot use a model in the box')
})

test('a task that nobody serves is named with those that are', async () => {
  await registerStarters(needs)
  const releases = new Releases(needs)
  await releases.follow()
  expect(() => releases.serving('weather')).toThrow(/“weather”; there are sentiment/)
})

test('versions out of production are loaded when they are asked for, by number', async () => {
  await registerStarters(needs)
  await register(await sibling(104), { who: 'anna', why: '' }, needs)
  const releases = new Releases(needs)
  await releases.follow()
  expect((await releases.load('sentiment', 2)).number).toBe(2)
  expect(await releases.load('sentiment', 1)).toBe(releases.serving('sentiment'))
  await expect(releases.load('sentiment', 3)).rejects.toThrow(/no sentiment@3/)
})
