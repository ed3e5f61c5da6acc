import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { Fault } from '../domain/faults.ts'
import type { Setting, TrainingAsked, TrainingFile, TrainingRun } from '../domain/trainingRun.ts'
import type { StageEvent, Version } from '../domain/version.ts'
import type { Format } from '../ingest/files/layout.ts'
import { loadOnce } from '../loop/promote.ts'
import { isThere } from '../platform/isThere.ts'
import { modelOpener } from '../serving/openModel.ts'
import type { Store } from '../store/store.ts'
import { nameOf } from '../training/data/readTexts.ts'
import type { ReadBody } from '../training/jobs/messages.ts'
import { startChild, type Watcher } from '../training/jobs/startChild.ts'
import { DEAD_MS } from '../training/jobs/trainingQueue.ts'
import { ARTIFACT_FOLDER } from '../training/jobs/trainJob.ts'
import { type RunNeeds, type Worked, workOnRun } from '../training/jobs/workOnRun.ts'
import { checkAsked, type Recipe } from '../training/recipes/recipe.ts'
import { recipes } from '../training/recipes/recipes.ts'
import { trainingNeeds } from '../trainingNeeds.ts'
import type { Artifact } from '../versions/artifacts/artifact.ts'
import { storeArtifact, verifyArtifact } from '../versions/artifacts/folder.ts'
import { exits, OperatingError, UsageError } from './failure.ts'
import { ENCODING_OPTION, formatOption, HEADER_OPTION } from './fileOptions.ts'
import { findRun } from './findRun.ts'
import { folderWord, hint } from './hint.ts'
import { configOf, HOME_OPTION, type HomeOptions, modelsFolder, whoRuns, withStore } from './home.ts'
import { newId } from './ids.ts'
import { type LiveRun, startLiveRun } from './liveRun.ts'
import { evaluationTable, promoteHint } from './models.ts'
import { modelName, span, wholeNumber } from './options.ts'
import { duration } from './progress.ts'
import { bytes, count, counted, paint, percent } from './style.ts'
import type { Terminal } from './terminal.ts'
import { version as engine } from './version.ts'

interface Options extends HomeOptions {
  readonly data?: string
  readonly feedback?: boolean
  readonly log?: boolean
  readonly unlabelled?: string
  readonly since?: number
  readonly test?: string
  readonly name?: string
  readonly task?: string
  readonly textColumn?: string
  readonly labelColumn?: string
  readonly header: boolean
  readonly format?: Format
  readonly encoding?: string
  readonly recipe: string
  readonly from?: string
  readonly quick?: boolean
  readonly samples?: number
  readonly epochs?: number
  readonly batch?: number
  readonly lr?: number
  readonly set: Readonly<Record<string, Setting>>
  readonly optimize?: boolean
  readonly nTrials: number
  readonly resume?: string
  readonly seed: number
  readonly threads?: number
  readonly out?: string
  readonly promote?: boolean
  readonly why: string
  readonly terms?: string
  readonly json?: boolean
}

/** `barometer train`: labelled rows become a version in the registry, in a process of its own. */
export function train(terminal: Terminal): Command {
  return new Command('train')
    .option('--data <path>', 'labelled rows: .csv .tsv .jsonl .parquet, also .gz and .zst')
    .option('--feedback', 'learn from the logged texts of the task and the labels that people gave')
    .option(
      '--log',
      'texts without labels: the logged ones of the task (distil; transformer with --set pretrainEpochs=…)',
    )
    .option('--unlabelled <path>', 'texts of a file, whatever their labels say: for the same recipes as --log')
    .option('--since <time>', 'of feedback and log only what is as new: 30d, 12h …', span)
    .option('--name <name>', 'name of the model', modelName)
    .option('--task <name>', 'the task that it serves (default: its name)', modelName)
    .option('--text-column <name>', 'where the text is (default: where there is no doubt)')
    .option('--label-column <name>', 'where the label is (default: where there is no doubt)')
    .option(...HEADER_OPTION)
    .addOption(formatOption())
    .option(...ENCODING_OPTION)
    .option('--test <path>', 'rows to measure on, never trained on (default: only the held-out part)')
    .addOption(new Option('--recipe <recipe>', 'how to train').choices(Object.keys(recipes)).default('linear'))
    .option('--from <model>', 'start from its weights: hf:OWNER/NAME or NAME@VERSION')
    .option('--quick', 'a small run that shows in a minute or two whether all is well')
    .option('--samples <n>', 'learn from so many rows, drawn from all', wholeNumber(1, 5_000_000))
    .option('--epochs <n>', 'passes over the rows', wholeNumber(1, 1000))
    .option('--batch <n>', 'rows of one step', wholeNumber(1, 4096))
    .option('--lr <rate>', 'learning rate', positive)
    .addOption(
      new Option('--set <name=value>', 'any other setting of the recipe; can be repeated')
        .argParser(setting)
        .default({}, 'the recipe’s own settings'),
    )
    .option('--optimize', 'look for better settings first (TPE, with early pruning)')
    .option('--n-trials <n>', 'trials of --optimize', wholeNumber(1, 1000), 20)
    .option('--resume <run>', 'resume a run that was interrupted: its id, or the beginning of it')
    .option('--seed <n>', 'the same seed and rows give the same model', wholeNumber(0, 2 ** 31 - 1), 1)
    .option('--threads <n>', 'that train (default: one a core)', wholeNumber(1, 64))
    .option('--promote', 'put it into production at once')
    .option('--why <words>', 'the reason, for the record', 'from the command line')
    .option('--terms <words>', 'licence or terms of the data, for the manifest', terms)
    .option('--out <folder>', 'write the artifact there instead of registering it')
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .addHelpText('after', `${recipeWords()}${EXAMPLES}`)
    .action(async (options: Options) => {
      if (options.out !== undefined && options.promote)
        throw new UsageError('--out registers nothing, so there is nothing to --promote.')
      await (options.out === undefined ? keptRun(terminal, options) : loneRun(terminal, options, options.out))
    })
}

function recipeWords(): string {
  const names = Object.keys(recipes)
  const width = Math.max(...names.map((name) => name.length))
  return `\nRecipes:\n${names.map((name) => `  ${name.padEnd(width)}  ${recipes[name].about}`).join('\n')}\n`
}

const EXAMPLES = `
It runs in a process of its own at the lowest priority. Bad rows are reported by line and left out; from 1 % on the data is
refused. The version lands in \`staging\`. Ctrl-C keeps what was learned: --resume continues from there.

Examples:
  $ barometer train --data tickets.csv --text-column body --label-column team --name team
  $ barometer train --data train.jsonl.gz --test test.jsonl.gz --name reviews --recipe imdb --promote
  $ barometer train --data tickets.csv --name team --optimize --n-trials 20
  $ barometer train --feedback --since 90d --name team --promote
  $ barometer train --data rows.parquet --name topic --out ./topic && barometer predict --model ./topic "…"`

/** Without the registry: the artifact goes to a folder, and nothing is kept of the run. */
async function loneRun(terminal: Terminal, options: Options, out: string): Promise<void> {
  const asked = askedOf(options, terminal)
  if (asked.data.some(({ kind }) => kind !== 'file')) throw new UsageError('--out goes with --data alone.')
  if (asked.from !== null) throw new UsageError('--out cannot start --from a model.')
  checkAsked(asked, recipes)
  const target = resolve(terminal.folder, out)
  // Before the work, not after it. A version that is there may be the very one that this run makes again.
  if ((await isThere(target)) && !(await isThere(join(target, 'manifest.json'))))
    throw new OperatingError(
      `${target} is there already, and is no model version. Name a folder that is not there yet.`,
    )
  const signal = terminal.stopSignal()
  const live = startLiveRun(terminal, 'Training')
  const reads: ReadBody[] = []
  const began = terminal.now()
  const folder = await mkdtemp(join(tmpdir(), 'barometer-train-'))
  try {
    const files = asked.data.flatMap((data) =>
      data.kind === 'file' ? [{ ...data, name: nameOf(data.path), labelled: !data.unlabelled }] : [],
    )
    const job = {
      asked,
      files,
      folder,
      base: null,
      trials: [],
      threads: options.threads ?? availableParallelism(),
      niceness: NICENESS,
      engine,
      createdAt: new Date(began).toISOString(),
    }
    const outcome = await startChild(job, watcherOf(live, terminal, reads), signal)
    live.end()
    if (outcome.kind === 'stopped') throw signal.reason
    if (outcome.kind !== 'trained') throw outcome.fault
    const artifact = await verifyArtifact(join(folder, ARTIFACT_FOLDER), { digest: outcome.digest })
    await storeArtifact(target, artifact)
    const kept = { kind: 'written', folder: out } as const
    tell(terminal, options, { reads, artifact, facts: outcome.facts, kept, seconds: (terminal.now() - began) / 1000 })
  } finally {
    live.end()
    await rm(folder, { recursive: true, force: true })
  }
}

const NICENESS = 19

async function keptRun(terminal: Terminal, options: Options): Promise<void> {
  const config = configOf(terminal, options)
  const asked = options.resume === undefined ? askedOf(options, terminal) : null
  if (asked !== null) checkAsked(asked, recipes)
  await withStore(config, async (store) => {
    const signal = terminal.stopSignal()
    const live = startLiveRun(terminal, 'Training')
    const reads: ReadBody[] = []
    const began = terminal.now()
    const opener = modelOpener()
    try {
      const needs = trainingNeeds({
        config,
        store,
        open: opener.open,
        load: loadOnce({ store, modelsFolder: modelsFolder(config), open: opener.open }),
        now: terminal.now,
        engine,
        threads: options.threads ?? availableParallelism(),
        say: (level, what, facts) => {
          live.end()
          if (level !== 'info') terminal.say(`${what}: ${JSON.stringify(facts)}`)
        },
      })
      const waiting =
        asked === null ? await interrupted(store, options.resume ?? '') : await create(store, asked, terminal)
      const worked = await claimed(waiting, needs, terminal, live, signal, (run, place) =>
        workOnRun(run, place, needs, watcherOf(live, terminal, reads), signal),
      )
      live.end()
      conclude(terminal, options, waiting, worked, { reads, seconds: (terminal.now() - began) / 1000 })
    } finally {
      live.end()
      await opener.close()
    }
  })
}

function conclude(
  terminal: Terminal,
  options: Options,
  run: TrainingRun,
  { state, version, artifact, events, facts, fault }: Worked,
  { reads, seconds }: Pick<Result, 'reads' | 'seconds'>,
): void {
  switch (state) {
    case 'succeeded':
      if (version === null || artifact === null) throw new Error('a run succeeded without a version')
      tell(terminal, options, { reads, artifact, facts, kept: { kind: 'registered', version, events }, seconds })
      return
    case 'failed':
      throw fault ?? new Fault('internal')
    case 'cancelled':
      throw new OperatingError('the run was cancelled.')
    case 'interrupted':
      if (fault !== null) terminal.say(`barometer: ${fault.message}`)
      terminal.say(`It can be resumed with: ${hint(terminal, ['train', '--resume', run.id], options)}`)
      if (fault !== null) return terminal.setExitCode(exits.failed)
      throw new DOMException('stopped', 'AbortError')
    case 'lost':
      throw new OperatingError('another process has taken the run over.')
    default:
      state satisfies never
  }
}

async function create(store: Store, asked: TrainingAsked, terminal: Terminal): Promise<TrainingRun> {
  return store.trainingRuns.create({
    id: newId(terminal.now),
    asked,
    who: whoRuns(),
    createdAt: terminal.now(),
    unattended: false,
  })
}

async function interrupted(store: Store, id: string): Promise<TrainingRun> {
  return findRun(store.trainingRuns, id)
}

const CLAIM_EVERY_MS = 1000

/** One run at a time: waits for the others, as long as the person does. */
async function claimed(
  waiting: TrainingRun,
  { runs, worker, now }: RunNeeds,
  terminal: Terminal,
  live: LiveRun,
  signal: AbortSignal,
  work: (...args: [run: TrainingRun, place: { seq: number; points: number }]) => Promise<Worked>,
): Promise<Worked> {
  for (;;) {
    const claim = await runs.claim(waiting.id, { worker, at: now(), deadBefore: now() - DEAD_MS })
    if (claim.kind === 'taken') return work(claim.run, claim.place)
    if (claim.kind === 'not-waiting') {
      const { state } = claim.run
      throw new Fault('run_over', {
        say: state === 'running' ? 'Somebody works on this run already.' : `This run has ${state} already.`,
      })
    }
    live.progress(null, `waiting for run ${claim.run.id} (${claim.run.asked.model})`)
    await delay(CLAIM_EVERY_MS, undefined, { signal }).catch(async () => {
      await runs.cancel(waiting.id, terminal.now())
      throw signal.reason
    })
  }
}

function watcherOf(live: LiveRun, terminal: Terminal, reads: ReadBody[]): Watcher {
  return {
    onEvent: (event) => live.event(event),
    onProgress: (share, words) => live.progress(share, words),
    onRead(read) {
      reads.push(read)
      live.end()
      for (const line of readWords(read)) terminal.say(line)
    },
  }
}

function askedOf(options: Options, terminal: Terminal): TrainingAsked {
  const { name, data, feedback, log, unlabelled, since } = options
  if (name === undefined) throw new UsageError("required option '--name <name>' not specified")
  const recipe: Recipe = recipes[options.recipe]
  if (data === undefined && !feedback && !log && unlabelled === undefined && !recipe.telemetry)
    throw new UsageError("required option '--data <path>' (or --feedback, --log, --unlabelled) not specified")
  if (since !== undefined && !feedback && !log) throw new UsageError('--since goes with --feedback and --log.')
  const file = (path: string): TrainingFile => ({
    kind: 'file',
    path: resolve(terminal.folder, path),
    ...(options.textColumn === undefined ? {} : { textColumn: options.textColumn }),
    ...(options.labelColumn === undefined ? {} : { labelColumn: options.labelColumn }),
    header: options.header,
    ...(options.format === undefined ? {} : { format: options.format }),
    ...(options.encoding === undefined ? {} : { encoding: options.encoding }),
  })
  const task = options.task ?? name
  const from = since === undefined ? {} : { since: terminal.now() - since }
  const direct = { samples: options.samples, epochs: options.epochs, batch: options.batch, learningRate: options.lr }
  const said = Object.entries(direct).filter((one): one is [string, number] => one[1] !== undefined)
  return {
    model: name,
    task,
    recipe: options.recipe,
    data: [
      ...(data === undefined ? [] : [file(data)]),
      ...(feedback ? [{ kind: 'feedback', task, ...from } as const] : []),
      ...(log ? [{ kind: 'log', task, ...from } as const] : []),
      ...(unlabelled === undefined ? [] : [{ ...file(unlabelled), unlabelled: true }]),
    ],
    test: options.test === undefined ? null : file(options.test),
    from: options.from ?? null,
    parameters: { ...(options.quick ? recipe.quick : {}), ...Object.fromEntries(said), ...options.set },
    seed: options.seed,
    search: options.optimize ? { trials: options.nTrials } : null,
    promote: options.promote ?? false,
    why: options.why,
    ...(options.terms === undefined ? {} : { terms: options.terms }),
  }
}

function readWords(read: ReadBody): string[] {
  const { textColumn, labelColumn, badShown, bad, blank, rows, labels, contradictions } = read
  const guessed = read.columnsGuessed
    ? ` (text: “${textColumn}”${labels.length === 0 ? '' : `, label: “${labelColumn}”`})`
    : ''
  const shares = [...labels]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 8)
    .map(([label, of]) => `${label} ${percent(of / rows)}`)
  const more = labels.length > 8 ? ` and ${labels.length - 8} more labels` : ''
  return [
    `${read.name}: ${counted(rows, 'row')}${guessed}: ${shares.join(', ') || 'without labels'}${more}`,
    ...read.notes.map((note) => `  ${note}`),
    ...(blank > 0 ? [`  ${counted(blank, 'row is', 'rows are')} blank`] : []),
    ...(contradictions > 0
      ? [`  ${counted(contradictions, 'row has the text', 'rows have the text')} of another row and another label`]
      : []),
    ...(bad > 0 ? [`  ${counted(bad, 'row is bad and was', 'rows are bad and were')} left out:`] : []),
    ...badShown.map(({ line, reason }) => `    line ${line}: ${reason}`),
    ...(bad > badShown.length ? [`    and ${count(bad - badShown.length)} more`] : []),
  ]
}

type Kept =
  | { readonly kind: 'registered'; readonly version: Version; readonly events: readonly StageEvent[] }
  | { readonly kind: 'written'; readonly folder: string }

interface Result {
  readonly reads: readonly ReadBody[]
  readonly artifact: Artifact
  readonly facts: Readonly<Record<string, number>>
  readonly kept: Kept
  readonly seconds: number
}

function tell(terminal: Terminal, options: Options, result: Result): void {
  const words = keptWords(result.kept, terminal, options)
  terminal.print(options.json ? JSON.stringify(asJson(result)) : described(result, words, terminal.colour))
}

function described({ artifact, facts, seconds }: Result, last: string, colour: boolean): string {
  const { leftOut = 0, ...shown } = facts
  const size = Object.values(artifact.manifest.files).reduce((sum, file) => sum + file.bytes, 0)
  const words = Object.entries(shown).map(([name, value]) => factWords[name]?.(value) ?? `${name} ${count(value)}`)
  return [
    ...artifact.manifest.evaluations.map((one) => `${evaluationTable(one, colour)}\n`),
    [...words, bytes(size), duration(seconds * 1000)].join(', '),
    ...(leftOut > 0
      ? [`${counted(leftOut, 'row was', 'rows were')} left out of training, because the test has their text`]
      : []),
    paint(colour, 'bold', last),
  ].join('\n')
}

const factWords: Readonly<Record<string, (value: number) => string>> = {
  rows: (n) => `${counted(n, 'row')} trained on`,
  heldOut: (n) => `${count(n)} held out`,
  features: (n) => `${count(n)} features`,
  parameters: (n) => `${count(n)} parameters`,
  steps: (n) => `${count(n)} steps`,
  epochs: (n) => `${count(n)} ${n === 1 ? 'epoch' : 'epochs'}`,
  bestEpoch: (n) => `best after epoch ${count(n)}`,
  paddedShare: (share) => `${percent(share)} padding`,
  machines: (n) => `${count(n)} machines`,
  trial: (n) => `of trial ${n}`,
}

function keptWords(kept: Kept, terminal: Terminal, options: Options): string {
  if (kept.kind === 'written')
    return `Written to ${kept.folder}; try it: ${hint(terminal, ['predict', '--model', folderWord(kept.folder)])} "…"`
  const { model, version } = kept.version
  const promoted = kept.events.some((event) => event.to === 'production')
  return promoted
    ? `${model}@${version} is in production.`
    : `${model}@${version} is in staging. To serve it: ${promoteHint(kept.version, terminal, options)}`
}

function asJson({ reads, artifact, facts, kept, seconds }: Result): object {
  const { manifest, digest } = artifact
  const sum = (name: 'bad' | 'duplicates' | 'contradictions') => reads.reduce((total, read) => total + read[name], 0)
  return {
    model: manifest.model,
    version: kept.kind === 'registered' ? kept.version.version : null,
    stage:
      kept.kind === 'registered'
        ? (kept.events.find((event) => event.version === kept.version.version)?.to ?? kept.version.stage)
        : null,
    folder: kept.kind === 'written' ? kept.folder : null,
    digest,
    evaluations: manifest.evaluations,
    calibration: manifest.calibration,
    data: {
      rows: manifest.data.rows,
      bad: sum('bad'),
      duplicates: sum('duplicates'),
      contradictions: sum('contradictions'),
      left_out: facts['leftOut'] ?? 0,
      sha256: manifest.data.sha256,
    },
    facts,
    seconds,
  }
}

function positive(word: string): number {
  const n = Number(word)
  if (word.trim() === '' || !(n > 0 && n < 1000)) throw new InvalidArgumentError('It must be a number above 0.')
  return n
}

function setting(word: string, before: Readonly<Record<string, Setting>>): Readonly<Record<string, Setting>> {
  const parts = /^([a-zA-Z]\w{0,63})=(.{1,500})$/.exec(word)
  if (parts === null) throw new InvalidArgumentError('Write NAME=VALUE, for instance --set dropout=0.2.')
  const [, name, value] = parts
  if (value === 'true' || value === 'false') return { ...before, [name]: value === 'true' }
  return { ...before, [name]: Number.isFinite(Number(value)) ? Number(value) : value }
}

function terms(word: string): string {
  if (word.trim() === '' || word.length > 200) throw new InvalidArgumentError('It has 1 to 200 characters.')
  return word
}
