/**
 * How fast Barometer is, end to end, beside its peers.
 *
 *   node server/bench/bench.ts [serving] [start] [memory] [batch] [transformer]     the first four by default
 *   node server/bench/bench.ts --profile                              where the server's time goes under load
 *   node server/bench/bench.ts engine                                 the learning engine beside PyTorch (engine/engine.ts)
 *
 * Texts come from BAROMETER_DATA. The peers are taken from BAROMETER_PEERS, and run with BAROMETER_PEERS_PYTHON (python3;
 * several, separated by commas, are all tried, and each peer gets the one on which it is fastest). docs/guide/speed.md
 * has the method and the figures.
 */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { barometer } from './barometer.ts'
import { type Batch, batch } from './batch.ts'
import { engine } from './engine/engine.ts'
import { machine } from './machine.ts'
import { type Heading, headings } from './memoryAccount.ts'
import { type PeerName, peer, peerNames } from './peers.ts'
import { profile } from './profile.ts'
import { median, points, pointsTable, table } from './report.ts'
import { type Checked, type Health, type ServingPlan, serving, type Turn } from './serving.ts'
import { memory, type StartUp, startUps } from './startUp.ts'
import type { Subject } from './subject.ts'
import { cut, reviews, type TextKind, textKinds } from './texts.ts'
import { prepareTransformer, transformerPeers } from './transformer.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
if (process.argv[2] === 'engine') {
  await engine(process.argv.slice(3))
  process.exit()
}

const parts = ['serving', 'start', 'memory', 'batch', 'transformer'] as const
/** What runs where nothing is named; the others take their time. */
const USUAL = ['serving', 'start', 'memory', 'batch'] as const
const TIMES = 5
const THIRD_MODEL_ROWS = 4000

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '64,8,1' },
    texts: { type: 'string', default: 'short,long' },
    peers: { type: 'string' },
    before: { type: 'string' },
    json: { type: 'string' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `usage: npm run bench -- [${parts.join('] [')}] [options]

  --rounds N          how often every server has its turn at every point (5)
  --seconds N         length of a turn (4)
  --connections LIST  of the load, separated by commas (64,8,1)
  --texts LIST        short (12 to 40 words), long (200 to 260), separated by commas (both)
  --peers LIST        of transformer: only these, separated by commas (all)
  --before FOLDER     of serving and batch: another checkout, installed, that has its turns beside this one
  --json FILE         append every figure to FILE, one line of JSON each
  --profile           profile the server at the first of --connections and --texts instead

environment: BAROMETER_DATA (needed), BAROMETER_PEERS, BAROMETER_PEERS_PYTHON (python3)`

/** Writes a line of the record where one is kept. */
function record(line: object): void {
  if (options.json !== undefined) appendFileSync(options.json, `${JSON.stringify(line, rounded)}\n`)
}

/** Six significant digits are more than any figure here is good for. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function fail(why: string): never {
  process.stderr.write(`${why}\n`)
  process.exit(2)
}

function listOf<T extends string>(given: string, known: readonly T[]): T[] {
  return given.split(',').map((name) => known.find((one) => one === name) ?? fail(`Unknown: ${name}.\n\n${HELP}`))
}

function countOf(given: string): number {
  const count = Number(given)
  return Number.isInteger(count) && count > 0 ? count : fail(`Not a positive whole number: ${given}.\n\n${HELP}`)
}

async function main(): Promise<void> {
  if (options.help) return print(HELP)
  const chosen: readonly (typeof parts)[number][] =
    positionals.length === 0 ? USUAL : listOf(positionals.join(','), parts)
  const kinds = listOf(options.texts, Object.keys(textKinds) as TextKind[]) // the keys of a literal
  const connections = options.connections.split(',').map(countOf)
  const dataFolder = process.env['BAROMETER_DATA'] ?? fail('Set BAROMETER_DATA to the folder of the data sets.')
  const about = machine(root)
  if (
    about.wrk === null &&
    (options.profile || chosen.includes('serving') || chosen.includes('transformer') || chosen.includes('memory'))
  )
    fail('The load comes from wrk, which is not installed (Debian and Ubuntu: apt-get install wrk).')
  record({ what: 'machine', ...about })
  print(
    `${about.cpu}, ${about.cores} cores, ${about.memoryGb} GB; Linux ${about.kernel}; Node ${about.node}; commit ${about.commit}`,
  )
  const all = await reviews(dataFolder)
  const texts = { short: cut(all, 'short'), long: cut(all, 'long') }

  if (options.profile) return print(await profile(root, texts[kinds[0]], connections[0], countOf(options.seconds)))
  const plan = { rounds: countOf(options.rounds), seconds: countOf(options.seconds), connections, kinds, texts }
  if (chosen.includes('serving')) {
    const home = mkdtempSync(join(tmpdir(), 'barometer-bench-'))
    const before = options.before === undefined ? [] : [barometer(options.before, join(home, 'before'), [], 'before')]
    await serve(plan, home, [barometer(root, home), ...before, ...(await peers(dataFolder, plan))])
  }
  if (chosen.includes('transformer')) {
    const home = mkdtempSync(join(tmpdir(), 'barometer-bench-'))
    await prepareTransformer(home, dataFolder)
    const folder = process.env['BAROMETER_PEERS']
    const [python] = (process.env['BAROMETER_PEERS_PYTHON'] ?? 'python3').split(',')
    if (folder === undefined) print('BAROMETER_PEERS is not set: Barometer alone.')
    const others = folder === undefined ? [] : transformerPeers(folder, dataFolder, python)
    const only = others.filter(({ name }) => options.peers === undefined || options.peers.split(',').includes(name))
    await serve(plan, home, [barometer(root, home), ...only])
  }
  if (chosen.includes('start')) await starts()
  if (chosen.includes('memory')) {
    const held = await memory(root, all.slice(0, THIRD_MODEL_ROWS), texts.short)
    record(held)
    print(
      `\nMemory with ${held.models} models: ${held.startedMb.toFixed(0)} MB after the start, ` +
        `${held.loadedMb.toFixed(0)} MB after the load (at most ${held.loadedPeakMb.toFixed(0)} MB)`,
    )
    const items = Object.keys(headings) as Heading[] // the keys of a literal
    const sum = (of: Readonly<Record<Heading, number>>) => items.reduce((total, item) => total + of[item], 0)
    print(
      table(
        ['MB', 'started', 'loaded'],
        [
          ...items.map((item) => [headings[item], held.started[item].toFixed(1), held.loaded[item].toFixed(1)]),
          ['sum', sum(held.started).toFixed(1), sum(held.loaded).toFixed(1)],
        ],
      ),
    )
  }
  if (chosen.includes('batch')) await batches(all)
}

async function serve(plan: ServingPlan, home: string, subjects: readonly Subject[]): Promise<void> {
  const turns: Turn[] = []
  const checks: Checked[] = []
  try {
    await serving(subjects, home, plan, (line) => {
      record(line)
      if (line.what === 'turn') {
        turns.push(line)
        process.stderr.write(
          `round ${line.round + 1} ${line.kind} ${line.connections} ${line.name}: ${Math.round(line.perSecond)}/s${line.disturbed ? ', disturbed' : ''}\n`,
        )
      } else if (line.what === 'checked') checks.push(line)
      else if (line.what === 'health') print(`\n${healthLine(line)}`)
      else process.stderr.write(`${line.name} is ready after ${Math.round(line.readyMs)} ms\n`)
    })
  } finally {
    rmSync(home, { recursive: true })
  }
  const over = points(turns)
  for (const point of over) record(point)
  print(`\n${pointsTable(over)}\n`)
  for (const { name, judged, changed, acknowledged, logged } of checks) {
    print(
      `${name}: ${judged} answers read and judged, ${changed} changed; ${acknowledged} acknowledged` +
        (logged === null ? '' : `, ${logged} in the log${logged < acknowledged ? ': PREDICTIONS ARE MISSING' : ''}`),
    )
  }
  if (checks.some(({ changed, acknowledged, logged }) => changed > 0 || (logged !== null && logged < acknowledged)))
    process.exitCode = 1
}

function healthLine({ eventLoopLagP50Ms, eventLoopLagP99Ms, gcShare, heapMb }: Health): string {
  return (
    `barometer, by its own metrics: event loop late by ${eventLoopLagP50Ms.toFixed(1)} ms (p50), ` +
    `${eventLoopLagP99Ms.toFixed(1)} ms (p99); ${(gcShare * 100).toFixed(2)} % of the time in garbage collection; heap ${heapMb.toFixed(0)} MB`
  )
}

/** Each peer on the interpreter on which it answers most requests; none without BAROMETER_PEERS. */
async function peers(dataFolder: string, plan: ServingPlan): Promise<Subject[]> {
  const folder = process.env['BAROMETER_PEERS']
  if (folder === undefined) {
    print('BAROMETER_PEERS is not set: Barometer alone.')
    return []
  }
  const pythons = (process.env['BAROMETER_PEERS_PYTHON'] ?? 'python3').split(',')
  const fastest = async (name: PeerName): Promise<Subject> => {
    const candidates = pythons.map((python) => peer(name, folder, dataFolder, python))
    if (candidates.length === 1) return candidates[0]
    const rates = new Map<Subject, number[]>()
    // Twice in turns, so that a moment's disturbance does not choose.
    for (const candidate of [...candidates, ...candidates]) {
      const shortly = { ...plan, rounds: 1, connections: [8, 64], kinds: ['short'] as const }
      await serving([candidate], '', shortly, (line) => {
        if (line.what !== 'turn') return
        rates.set(candidate, [...(rates.get(candidate) ?? []), line.perSecond])
        record({ ...line, what: 'trial', python: candidate.command, versions: candidate.versions })
      })
    }
    const best = (candidate: Subject) => Math.max(...(rates.get(candidate) ?? []))
    const chosen = candidates.reduce((a, b) => (best(b) > best(a) ? b : a))
    print(
      `${name} is fastest with ${chosen.command} (scikit-learn ${chosen.versions['scikit-learn']}): ${Math.round(best(chosen))}/s`,
    )
    return chosen
  }
  const found: Subject[] = []
  for (const name of peerNames) found.push(await fastest(name))
  return found
}

async function starts(): Promise<void> {
  const seen: StartUp[] = []
  await startUps(root, TIMES, (line) => {
    record(line)
    seen.push(line)
  })
  const row = (which: StartUp['start']) => {
    const of = seen.filter((line) => line.start === which)
    return [
      which,
      median(of.map((line) => line.readyMs)).toFixed(0),
      median(of.map((line) => line.firstAnswerMs)).toFixed(0),
      Math.max(...of.map((line) => line.readyMs)).toFixed(0),
    ]
  }
  print(`\n${table(['start', 'ready ms', 'first answer ms', 'slowest ready ms'], [row('first'), row('again')])}`)
}

async function batches(all: readonly string[]): Promise<void> {
  const seen: Batch[] = []
  const checkouts = { barometer: root, ...(options.before === undefined ? {} : { before: options.before }) }
  await batch(checkouts, all, TIMES, (line) => {
    record(line)
    seen.push(line)
  })
  for (const name of Object.keys(checkouts)) {
    const mine = seen.filter((line) => line.name === name)
    const speeds = mine.map(({ mbPerSecond }) => mbPerSecond)
    const seconds = median(mine.map((line) => line.seconds))
    print(
      `\nBatch, ${name}: ${mine[0].rows} reviews, ${mine[0].textMb.toFixed(1)} MB of text in ${seconds.toFixed(2)} s: ` +
        `${median(speeds).toFixed(1)} MB/s (${Math.min(...speeds).toFixed(1)} to ${Math.max(...speeds).toFixed(1)})`,
    )
  }
}

await main()
