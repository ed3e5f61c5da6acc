/**
 * What a small transformer learns on these cores, from scratch and with pre-training on the same texts without labels.
 *
 *   BAROMETER_DATA=… node server/bench/training/learns.ts [--labels 2000,all] [--pretrain 0,4] [--epochs N] [--threads 2]
 *                                                         [--test] [--json FILE]
 *
 * Reviews of IMDB's train split. A tenth of them, by their hash, is what every run is measured on; --test measures the
 * test split instead, which is to be done once. With fewer labels the other reviews are read without theirs. Prints a line
 * a run: accuracy with its interval, seconds by the clock and of processor time. On a quiet machine with two cores the
 * clock shows half of the latter; on a busy one only the latter means anything.
 */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { TrainingEvent } from '../../src/domain/trainingRun.ts'
import { isHeldOut } from '../../src/evaluation/heldOut.ts'
import { readDataset } from '../../src/ingest/files/readRows.ts'
import { seededRandom, shuffle } from '../../src/math/random.ts'
import { transformerRecipes } from '../../src/models/text/transformer/recipes.ts'
import { trainTransformer } from '../../src/training/trainers/transformer/trainTransformer.ts'
import { machine } from '../machine.ts'

const { values: options } = parseArgs({
  options: {
    labels: { type: 'string', default: 'all' },
    pretrain: { type: 'string', default: '0' },
    epochs: { type: 'string' },
    threads: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    test: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const root = fileURLToPath(new URL('../../..', import.meta.url))
const data = process.env['BAROMETER_DATA']
if (data === undefined) throw new Error('BAROMETER_DATA says where the data sets are.')
const columns = { text: 'text', label: 'label' }
const seed = Number(options.seed)

const { rows, report } = await readDataset(join(data, 'imdb/train.jsonl.gz'), { columns })
shuffle(rows, seededRandom(seed))
const DEVELOPMENT_SHARE = 0.1
const isDevelopment = ({ text }: { text: string }) => isHeldOut(text, DEVELOPMENT_SHARE, 'development')
const development = rows.filter(isDevelopment)
const learned = options.test ? rows : rows.filter((row) => !isDevelopment(row))
const measured = options.test
  ? { name: 'imdb/test', rows: (await readDataset(join(data, 'imdb/test.jsonl.gz'), { columns })).rows }
  : { name: 'development', rows: development }

for (const labels of options.labels.split(',')) {
  for (const pretrain of options.pretrain.split(','))
    await run(labels === 'all' ? learned.length : Number(labels), Number(pretrain))
}

async function run(labels: number, pretrainEpochs: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'barometer-learns-'))
  const began = performance.now()
  const cpu = process.cpuUsage()
  const seconds = () => (performance.now() - began) / 1000
  const cpuSeconds = () => {
    const { user, system } = process.cpuUsage(cpu)
    return (user + system) / 1e6
  }
  const { small } = transformerRecipes
  const recipe = {
    ...small,
    pretrainEpochs,
    ...(options.epochs === undefined ? {} : { epochs: Number(options.epochs) }),
  }
  const curve: object[] = []
  const onEvent = (event: TrainingEvent): void => {
    if (event.kind === 'point') return
    curve.push({ seconds: seconds(), cpuSeconds: cpuSeconds(), ...event })
    process.stderr.write(`${seconds().toFixed(0)} s  ${cpuSeconds().toFixed(0)} s of CPU  ${JSON.stringify(event)}\n`)
  }
  try {
    const { evaluations, facts } = await trainTransformer(
      {
        model: 'bench',
        task: 'sentiment',
        recipe,
        seed,
        threads: Number(options.threads),
        rows: learned.slice(0, labels),
        data: { sha256: report.sha256, sources: [{ name: 'imdb/train', rows: labels }] },
        test: measured,
        base: null,
        // Without pre-training they would only make another vocabulary.
        unlabelled: pretrainEpochs === 0 ? [] : learned.slice(labels).map(({ text }) => text),
        engine: 'bench',
        createdAt: new Date().toISOString(),
      },
      { onEvent, signal: new AbortController().signal, folder },
    )
    const { metrics } = evaluations[evaluations.length - 1]
    const { value, low, high } = metrics['accuracy']
    const percent = (share: number) => (100 * share).toFixed(2)
    process.stdout.write(
      `${labels} labels, ${pretrainEpochs} passes of pre-training: ${measured.name} ${percent(value)} % [${percent(low)}, ${percent(high)}], log-loss ${metrics['logLoss'].value.toFixed(4)}; ${seconds().toFixed(0)} s, ${cpuSeconds().toFixed(0)} s of CPU\n`,
    )
    if (options.json === undefined) return
    const line = {
      what: 'learns',
      machine: machine(root),
      labels,
      recipe,
      facts,
      evaluations,
      curve,
      seconds: seconds(),
      cpuSeconds: cpuSeconds(),
    }
    appendFileSync(options.json, `${JSON.stringify(line)}\n`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
