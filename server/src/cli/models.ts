import { Command } from 'commander'
import { Fault } from '../domain/faults.ts'
import { type Estimate, type Evaluation, type StageEvent, summaryOf, type Version } from '../domain/version.ts'
import {
  loadOnce,
  type PromoteNeeds,
  promote as promoteVersion,
  type Reason,
  rollBack as rollBackModel,
} from '../loop/promote.ts'
import { modelOpener } from '../serving/openModel.ts'
import type { Store } from '../store/store.ts'
import { fetchArtifact, type ImportNeeds } from '../versions/artifacts/fetchArtifact.ts'
import { type OpenModel, openArtifact } from '../versions/artifacts/loadArtifact.ts'
import { exits } from './failure.ts'
import { hint } from './hint.ts'
import { configOf, HOME_OPTION, type HomeOptions, modelsFolder, whoRuns, withExistingStore } from './home.ts'
import { exactly, modelName, type Named, named, wholeNumber } from './options.ts'
import { bytes, count, counted, moment, paint, percent, table } from './style.ts'
import type { Terminal } from './terminal.ts'

interface Options extends HomeOptions {
  readonly json?: boolean
}

/** `barometer models`: the registry. A running server follows every change within a second. */
export function models(terminal: Terminal): Command {
  const command = new Command('models').addHelpText('after', EXAMPLES)
  for (const sub of [list, show, promote, archive, rollback, events, verify]) command.addCommand(sub(terminal))
  return command
}

const EXAMPLES = `
Examples:
  $ barometer models list
  $ barometer models show sentiment@2
  $ barometer models promote sentiment@2 --why "better on our own tickets"
  $ barometer models rollback sentiment --why "complaints since noon"
  $ barometer models verify`

function list(terminal: Terminal): Command {
  return withShared(new Command('list').description('List all versions')).action(async (options: Options) => {
    await withRegistry(terminal, options, async ({ registry }) => {
      const versions = await registry.models()
      if (options.json) return terminal.print(JSON.stringify(versions.map(asJson)))
      if (versions.length === 0)
        return terminal.say(`There are no versions yet. Train one: ${hint(terminal, ['train', '--help'])}`)
      const rows = versions.map((one) => [
        `${one.model}@${one.version}`,
        staged(one.stage, terminal.colour),
        one.task,
        one.manifest.recipe.name,
        count(one.manifest.data.rows),
        headline(one.manifest.evaluations[0]),
        moment(one.createdAt),
      ])
      terminal.print(
        table(['version', 'stage', 'task', 'recipe', 'rows>', 'measured', 'created (UTC)'], rows, terminal.colour),
      )
    })
  })
}

function show(terminal: Terminal): Command {
  const command = new Command('show')
    .description('Show all that is known of a version')
    .argument('<NAME[@VERSION]>', 'without a version: the one in production, else the newest', named)
  return withShared(command).action(async (wanted: Named, options: Options) => {
    await withRegistry(terminal, options, async (store) => {
      const version = await find(store, wanted)
      terminal.print(options.json ? JSON.stringify(asJson(version), null, 2) : described(version, terminal.colour))
    })
  })
}

interface ChangeOptions extends Options {
  readonly why: string
}

function promote(terminal: Terminal): Command {
  const command = new Command('promote')
    .description('Put a version into production; the one that is there goes to the archive')
    .argument('<NAME@VERSION>', 'which', exactly)
  return withWhy(command).action(async (wanted: ReturnType<typeof exactly>, options: ChangeOptions) => {
    await change(terminal, options, (_, by, needs) => promoteVersion(wanted, by, needs))
  })
}

function archive(terminal: Terminal): Command {
  const command = new Command('archive').description('Put a version away').argument('<NAME@VERSION>', 'which', exactly)
  return withWhy(command).action(async (wanted: ReturnType<typeof exactly>, options: ChangeOptions) => {
    await change(terminal, options, (store, by) => store.registry.archive({ ...wanted, ...by, at: terminal.now() }))
  })
}

function rollback(terminal: Terminal): Command {
  const command = new Command('rollback')
    .description('Give the version that was in production before its place again')
    .argument('<NAME>', 'of the model', modelName)
  return withWhy(command).action(async (model: string, options: ChangeOptions) => {
    await change(terminal, options, (_, by, needs) => rollBackModel(model, by, needs))
  })
}

function events(terminal: Terminal): Command {
  const command = new Command('events')
    .description('Who changed which stage, when and why; newest last')
    .argument('[NAME]', 'only of this model', modelName)
    .option('--limit <n>', 'at most so many', wholeNumber(1, 10_000), 100)
  return withShared(command).action(
    async (model: string | undefined, options: Options & { readonly limit: number }) => {
      await withRegistry(terminal, options, async ({ registry }) => {
        const of = model === undefined ? {} : { model }
        const newest = await registry.events({ ...of, newestFirst: true, limit: options.limit })
        const found = newest.toReversed()
        if (options.json) return terminal.print(JSON.stringify(found.map(eventJson)))
        if (found.length === 0) return terminal.say('Nothing has happened yet.')
        terminal.print(eventTable(found, terminal.colour))
      })
    },
  )
}

/** Loads every version as a server would. Exit code 1 where one is broken. */
function verify(terminal: Terminal): Command {
  const command = new Command('verify')
    .description('Prove that versions are exactly what was registered')
    .argument('[NAME[@VERSION]]', 'only these', named)
  return withShared(command).action(async (wanted: Named | undefined, options: Options) => {
    await withRegistry(terminal, options, async (store) => {
      const folder = modelsFolder(configOf(terminal, options))
      const all = await store.registry.models()
      const chosen = all.filter(
        (one) =>
          wanted === undefined || (one.model === wanted.model && (wanted.version ?? one.version) === one.version),
      )
      if (chosen.length === 0 && wanted !== undefined) throw noSuch(wanted)
      const results = []
      const opener = modelOpener()
      for (const version of chosen)
        results.push({ version, broken: await whatIsBroken(version, opener.open, { store, modelsFolder: folder }) })
      await opener.close()
      if (results.some(({ broken }) => broken !== null)) terminal.setExitCode(exits.failed)
      if (options.json)
        return terminal.print(
          JSON.stringify(
            results.map(({ version, broken }) => ({
              model: version.model,
              version: version.version,
              ok: broken === null,
              why: broken,
            })),
          ),
        )
      for (const { version, broken } of results) {
        const verdict =
          broken === null
            ? paint(terminal.colour, 'green', 'ok')
            : `${paint(terminal.colour, 'red', 'BROKEN')}  ${broken}`
        terminal.print(`${version.model}@${version.version}  ${version.digest.slice(0, 16)}  ${verdict}`)
      }
    })
  })
}

/** A version that this machine does not have is fetched, as a server would. */
async function whatIsBroken(version: Version, open: OpenModel, needs: ImportNeeds): Promise<string | null> {
  try {
    await (await openArtifact(await fetchArtifact(version.digest, needs), open)).close()
    return null
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
}

async function change(
  terminal: Terminal,
  options: ChangeOptions,
  apply: (store: Store, by: Reason, needs: PromoteNeeds) => Promise<StageEvent>,
): Promise<void> {
  const opener = modelOpener()
  try {
    await withRegistry(terminal, options, async (store) => {
      const folder = modelsFolder(configOf(terminal, options))
      const load = loadOnce({ store, modelsFolder: folder, open: opener.open })
      const needs = { registry: store.registry, load, now: terminal.now }
      const event = await apply(store, { who: whoRuns(), why: options.why }, needs)
      terminal.print(options.json ? JSON.stringify(eventJson(event)) : `${event.model}: ${summaryOf(event)}`)
    })
  } finally {
    await opener.close()
  }
}

function withRegistry(terminal: Terminal, options: Options, work: (store: Store) => Promise<void>): Promise<void> {
  return withExistingStore(configOf(terminal, options), work)
}

function withShared(command: Command): Command {
  return command.option(...HOME_OPTION).option('--json', 'as JSON')
}

function withWhy(command: Command): Command {
  return withShared(command).option('--why <words>', 'the reason, for the record', 'from the command line')
}

/** The version that was meant: without a number the one in production, else the newest. */
export async function find(store: Pick<Store, 'registry'>, { model, version }: Named): Promise<Version> {
  if (version !== null) {
    const found = await store.registry.get(model, version)
    if (found === null) throw noSuch({ model, version })
    return found
  }
  const versions = (await store.registry.models()).filter((one) => one.model === model)
  const best =
    versions.find((one) => one.stage === 'production') ?? versions.toSorted((a, b) => b.version - a.version)[0]
  if (best === undefined) throw noSuch({ model, version })
  return best
}

function noSuch({ model, version }: Named): Fault {
  return version === null
    ? new Fault('model_unknown', { say: `There is no model “${model}”.` })
    : new Fault('version_unknown', { say: `There is no version ${model}@${version}.` })
}

function described(version: Version, colour: boolean): string {
  const { manifest } = version
  const head = (text: string) => paint(colour, 'bold', text)
  const size = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0)
  const facts = [
    ['task', `${manifest.task}: ${manifest.labels.join(', ')}`],
    ['stage', staged(version.stage, colour)],
    ['made', `${manifest.createdAt} by Barometer ${manifest.engine}, registered ${moment(version.createdAt)}`],
    ['recipe', `${manifest.recipe.name}, seed ${manifest.seed}`],
    ['data', `${counted(manifest.data.rows, 'row')}, sha256 ${manifest.data.sha256.slice(0, 16)}…`],
    [
      'calibration',
      `temperature ${manifest.calibration.temperature.toFixed(3)}, ECE ${percent(manifest.calibration.ece, 2)} on ${counted(manifest.calibration.rows, 'row')}`,
    ],
    ['files', `${Object.keys(manifest.files).join(', ')}: ${bytes(size)}`],
    ['digest', version.digest],
  ]
  const sources = manifest.data.sources.map(
    (one) => `              ${one.name}: ${counted(one.rows, 'row')}${one.terms ? `, ${one.terms}` : ''}`,
  )
  const lines = facts.flatMap(([name, value]) => [`  ${name.padEnd(12)}${value}`, ...(name === 'data' ? sources : [])])
  return [
    head(`${version.model}@${version.version}`),
    ...lines,
    ...manifest.evaluations.map((one) => `\n${evaluationTable(one, colour)}`),
  ].join('\n')
}

const METRICS = ['accuracy', 'macroRecall', 'macroF1', 'rocAuc', 'logLoss', 'brier', 'ece']

/** The command that puts a version into production. */
export function promoteHint(
  { model, version }: Pick<Version, 'model' | 'version'>,
  terminal: Terminal,
  options: HomeOptions,
): string {
  return hint(terminal, ['models', 'promote', `${model}@${version}`], options)
}

/** The metrics of one evaluation with their intervals. */
export function evaluationTable(evaluation: Evaluation, colour: boolean): string {
  const names = Object.keys(evaluation.metrics).sort((a, b) => METRICS.indexOf(a) - METRICS.indexOf(b))
  const rows = names.map((name) => {
    const { value, low, high } = evaluation.metrics[name]
    return [name, figure(name, value), `${figure(name, low)} – ${figure(name, high)}`]
  })
  const title = paint(colour, 'bold', `${evaluation.name}, ${counted(evaluation.rows, 'row')}`)
  return `${title}\n${table(['metric', 'value>', '95 % interval'], rows, colour)}`
}

/** Log-loss, Brier, times and rates are no shares. */
function figure(name: string, value: number): string {
  if (name === 'delaySeconds') return `${count(Math.round(value))} s`
  if (name === 'falseAlertsPerNodeWeek') return value.toFixed(2)
  return name === 'logLoss' || name === 'brier' ? value.toFixed(4) : percent(value, 2)
}

function headline(evaluation: Evaluation | undefined): string {
  const accuracy: Estimate | undefined = evaluation?.metrics['accuracy']
  if (evaluation === undefined || accuracy === undefined) return '–'
  return `${percent(accuracy.value)} accuracy on ${evaluation.name}`
}

function staged(stage: Version['stage'], colour: boolean): string {
  return stage === 'production'
    ? paint(colour, 'green', stage)
    : stage === 'archived'
      ? paint(colour, 'gray', stage)
      : stage
}

function eventTable(found: readonly StageEvent[], colour: boolean): string {
  const rows = found.map((one) => [moment(one.at), one.task, one.model, summaryOf(one), one.who, one.why])
  return table(['when (UTC)', 'task', 'model', 'what', 'who', 'why'], rows, colour)
}

function eventJson(event: StageEvent): object {
  return { ...event, at: new Date(event.at).toISOString(), summary: summaryOf(event) }
}

function asJson(version: Version): object {
  const { model, version: number, task, stage, digest, manifest, createdAt } = version
  return { model, version: number, task, stage, digest, created_at: new Date(createdAt).toISOString(), manifest }
}
