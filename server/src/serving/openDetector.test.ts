import { expect, test } from 'vitest'
import { randomDetector } from '../engine/serve/randomDetector.ts'
import { textModelOf } from '../models/servedModel.ts'
import { generateHistory } from '../models/telemetry/generateHistory.ts'
import { baseMetrics } from '../models/telemetry/history.ts'
import { anomalyLabels } from '../models/telemetry/recipe.ts'
import { makeArtifact } from '../versions/artifacts/artifact.ts'
import { modelOpener } from './openModel.ts'

const history = generateHistory({
  node: 'n',
  seed: 1,
  startAt: 0,
  rows: 60,
  intervalSeconds: 30,
  metrics: baseMetrics,
})

function artifactOf(files: Readonly<Record<string, Uint8Array>>) {
  return makeArtifact(
    {
      format: 1,
      kind: 'lstm',
      model: 'nodes',
      task: 'anomaly',
      labels: anomalyLabels,
      recipe: { name: 'lstm', parameters: {} },
      seed: 1,
      data: { rows: 0, sha256: '0'.repeat(64), sources: [] },
      evaluations: [],
      calibration: { temperature: 1, rows: 0, ece: 0 },
      engine: '0.1.0',
      createdAt: '2026-01-01T00:00:00Z',
    },
    files,
  )
}

test('a detector opens as any version does, and what is opened is no model of texts', async () => {
  const { files } = randomDetector([history])
  const opener = modelOpener()
  const served = await opener.open(artifactOf(files))
  expect(served.labels).toEqual(anomalyLabels)
  if (served.kind !== 'detector') throw new Error(`opened as ${served.kind}`)
  expect(await served.detector.step([{ node: 'n', at: 1, metrics: {} }])).toEqual([
    { kind: 'learning', samples: 1, of: 20 },
  ])
  expect(() => textModelOf(served, 'anomaly')).toThrow(/“anomaly” is about samples of telemetry/)
  await served.close()
  await opener.close()
})

test('one whose files are not those of a detector does not open', async () => {
  const { files } = randomDetector([history])
  const opener = modelOpener()
  await expect(opener.open(artifactOf({ ...files, 'step.onnx': new Uint8Array(10) }))).rejects.toThrow()
  await expect(opener.open(artifactOf({ 'features.json': files['features.json'] }))).rejects.toThrow(/lacks step.onnx/)
  await opener.close()
})
