import { expect, test } from 'vitest'
import { Fault } from '../domain/faults.ts'
import { randomDetector } from '../engine/serve/randomDetector.ts'
import { generateHistory } from '../models/telemetry/generateHistory.ts'
import { baseMetrics } from '../models/telemetry/history.ts'
import { anomalyLabels } from '../models/telemetry/recipe.ts'
import { isQueued } from '../models/textModel.ts'
import { makeArtifact } from '../versions/artifacts/artifact.ts'
import { openDetector } from './detectorModel.ts'
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

test('a detector opens as any version does, steps samples, and says of texts that they are none of its business', async () => {
  const { files } = randomDetector([history])
  const opener = modelOpener()
  const model = await opener.open(artifactOf(files))
  expect(model.labels).toEqual(anomalyLabels)
  if (!isQueued(model)) throw new Error('a detector can be closed')
  await expect(model.submit('hello', { deadlineMs: 1000 })).rejects.toThrow(/samples of telemetry/)
  await expect(model.explain('hello', { deadlineMs: 1000 })).rejects.toThrow(Fault)
  await model.close()
  const opened = await openDetector(artifactOf(files))
  expect(await opened.detector.step([{ node: 'n', at: 1, metrics: {} }])).toEqual([
    { kind: 'learning', samples: 1, of: 20 },
  ])
  await opened.close()
  await opener.close()
})

test('one whose files are not those of a detector does not open', async () => {
  const { files } = randomDetector([history])
  const opener = modelOpener()
  await expect(opener.open(artifactOf({ ...files, 'step.onnx': new Uint8Array(10) }))).rejects.toThrow()
  await expect(opener.open(artifactOf({ 'features.json': files['features.json'] }))).rejects.toThrow(/lacks step.onnx/)
  await opener.close()
})
