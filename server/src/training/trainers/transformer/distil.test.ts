/** A small transformer as teacher, and as the second part of a cascade. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stays } from '../../../../test/stays.ts'
import { transformerRecipes } from '../../../models/text/transformer/recipes.ts'
import { type Artifact, makeArtifact } from '../../../versions/artifacts/artifact.ts'
import { decodeArtifact } from '../../../versions/artifacts/loadArtifact.ts'
import { readReference } from '../../../versions/artifacts/reference.ts'
import { trainingPlans } from '../../recipes/plans.ts'
import { type TrainCascade, trainCascade } from '../cascade/trainCascade.ts'
import { scoreArtifact } from '../scoreArtifact.ts'
import type { Trained, TrainerNeeds } from '../trainer.ts'
import { type Distil, distil } from './distil.ts'
import { trainTransformer } from './trainTransformer.ts'

const recipe = {
  ...transformerRecipes.small,
  shape: {
    vocabulary: 200,
    width: 16,
    layers: 1,
    heads: 2,
    inner: 32,
    pooling: 'mean',
    norm: 'pre',
    dropout: 0,
    attentionDropout: 0,
  },
  maxLength: 32,
  epochs: 4,
  learningRate: 1e-2,
  heldOutShare: 0.5,
} as const
const rows = stays(2000, 1)
const unseen = { name: 'made/test', rows: stays(300, 2) }
const common = {
  model: 'tickets',
  task: 'sentiment',
  seed: 3,
  threads: 1,
  data: { sha256: '1'.repeat(64), sources: [{ name: 'made', rows: rows.length }] },
  engine: '0',
  createdAt: '2026-01-01T00:00:00Z',
}
const linear = { ...trainingPlans.linear, recipe: { ...trainingPlans.linear.recipe, heldOutShare: 0.4 } }

let folder: string
let runs = 0
let teacher: Artifact
let phases: string[]

function needs(): TrainerNeeds {
  phases = []
  return {
    onEvent: (event) => {
      if (event.kind === 'phase') phases.push(event.name)
    },
    signal: new AbortController().signal,
    folder: join(folder, `run-${++runs}`),
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'barometer-distil-'))
  const asked = { ...common, recipe, rows, test: null, base: null, unlabelled: [] }
  teacher = (await trainTransformer(asked, needs())).artifact
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

const accuracyOf = ({ evaluations }: Trained, name: string) =>
  evaluations.find((one) => one.name === name)?.metrics['accuracy'].value ?? NaN

function distilled(changes: Partial<Distil> = {}): Promise<Trained> {
  const asked: Distil = {
    ...common,
    teacher,
    student: { kind: 'linear', plan: linear },
    temperature: 2,
    share: 0.7,
    texts: stays(1500, 4).map(({ text }) => text),
    rows: [],
    test: unseen,
    ...changes,
  }
  return distil(asked, needs())
}

describe('a student', () => {
  test('to a linear model works on texts without labels', async () => {
    const trained = await distilled()
    expect(trained.artifact.manifest).toMatchObject({
      kind: 'linear',
      labels: teacher.manifest.labels,
      recipe: { name: 'distil-linear', parameters: { temperature: 2, share: 0.7 } },
    })
    expect(accuracyOf(trained, 'made/test, the teacher')).toBeGreaterThan(0.9)
    expect(accuracyOf(trained, 'made/test')).toBeGreaterThan(0.9)
    expect(accuracyOf(trained, 'held-out, agreement with the teacher')).toBeGreaterThan(0.9)
    expect(trained.facts).toMatchObject({ texts: 1500, labelled: 0 })
    expect(readReference(trained.artifact)?.rows).toBe(trained.facts['heldOut'])
  })

  test('is as sure as its teacher, not surer', async () => {
    const { artifact } = await distilled()
    const texts = unseen.rows.map(({ text }) => text)
    const options = { threads: 1, signal: new AbortController().signal }
    const mean = async (one: Artifact) => {
      const scored = await scoreArtifact(one, texts, options)
      return scored.reduce((sum, { label, probabilities }) => sum + probabilities[label], 0) / texts.length
    }
    expect(Math.abs((await mean(artifact)) - (await mean(teacher)))).toBeLessThan(0.05)
  })

  test('that is a transformer learns from labels and from its teacher, and never from the test', async () => {
    const student = { kind: 'transformer', recipe: { ...recipe, heldOutShare: 0.2, epochs: 3 } } as const
    const trained = await distilled({
      student,
      rows: rows.slice(0, 300),
      texts: [...unseen.rows, ...stays(900, 5)].map(({ text }) => text),
    })
    expect(trained.artifact.manifest).toMatchObject({ kind: 'transformer', recipe: { name: 'distil-transformer' } })
    expect(trained.facts).toMatchObject({ texts: 1200, labelled: 300 })
    expect(accuracyOf(trained, 'made/test')).toBeGreaterThan(0.9)
    expect(accuracyOf(trained, 'held-out')).toBeGreaterThan(0.8)
    expect(phases).toEqual(expect.arrayContaining(['asking the teacher', 'fitting', 'measuring']))
  }, 60_000)

  test('of no texts is refused', async () => {
    await expect(distilled({ texts: ['  '] })).rejects.toMatchObject({ code: 'data_broken' })
  })
})

function cascaded(changes: Partial<TrainCascade> = {}): Promise<Trained> {
  const asked: TrainCascade = {
    ...common,
    transformer: teacher,
    plan: linear,
    allowed: { kind: 'none-significant', level: 0.05 },
    rows,
    test: unseen,
    ...changes,
  }
  return trainCascade(asked, needs())
}

describe('a cascade', () => {
  test('is chosen and measured on rows that neither part has learnt from', async () => {
    const trained = await cascaded({ seed: 99 })
    const { manifest } = trained.artifact
    expect(manifest).toMatchObject({ kind: 'cascade', seed: teacher.manifest.seed, labels: teacher.manifest.labels })
    const chosenOn = trained.facts['rowsChosenOn']
    const measuredOn = manifest.evaluations[0].rows
    // 40 % of the rows, as the linear model holds out; the transformer holds out these and more.
    expect((chosenOn + measuredOn) / rows.length).toBeCloseTo(0.4, 1)
    expect(manifest.evaluations.map(({ name }) => name)).toEqual([
      'held-out',
      'held-out, linear alone',
      'held-out, transformer alone',
      'made/test',
      'made/test, linear alone',
      'made/test, transformer alone',
    ])
    expect(accuracyOf(trained, 'made/test')).toBeGreaterThan(0.9)
    expect(trained.facts['linearShare']).toBeGreaterThan(0.5)
  })

  test('answers as its parts do, by the threshold that it holds', async () => {
    const { artifact } = await cascaded()
    const options = { threads: 1, signal: new AbortController().signal }
    const texts = unseen.rows.map(({ text }) => text)
    const [both, alone] = [await scoreArtifact(artifact, texts, options), await scoreArtifact(teacher, texts, options)]
    const { threshold } = JSON.parse(new TextDecoder().decode(artifact.files['cascade.json']))
    const { files: _files, ...parts } = artifact.manifest
    const { model } = decodeArtifact(
      makeArtifact(
        { ...parts, kind: 'linear', labels: ['negative', 'positive'] },
        { 'model.bin': artifact.files['linear-model.bin'] },
      ),
    )
    let linearAnswers = 0
    for (const [i, text] of texts.entries()) {
      const quick = model.score(text)
      const isSure = quick.probabilities[quick.label] >= threshold
      if (isSure) linearAnswers++
      const expected = isSure ? quick : alone[i]
      for (const [k, p] of expected.probabilities.entries()) expect(both[i].probabilities[k]).toBeCloseTo(p, 9)
    }
    expect(linearAnswers).toBeGreaterThan(0)
  })

  test('of a linear model that learns nothing leaves the texts to the transformer', async () => {
    const blind = { ...linear, learns: () => 'x' }
    const trained = await cascaded({ plan: { ...blind, serves: (model) => model } })
    expect(trained.facts['linearShare']).toBeLessThan(0.2)
    expect(accuracyOf(trained, 'made/test')).toBeGreaterThan(0.9)
  })

  test('of other labels, or without a transformer, is refused', async () => {
    const renamed = rows.map(({ text, label }) => ({ text, label: label === 'positive' ? 'fine' : label }))
    await expect(cascaded({ rows: renamed })).rejects.toMatchObject({ code: 'data_broken' })
    const { artifact } = await distilled()
    await expect(cascaded({ transformer: artifact })).rejects.toMatchObject({ code: 'model_unsupported' })
  })
})
