/**
 * How fast the learning engine is beside PyTorch, in one run and in turns:
 *
 *   npm run bench engine -- [training] [inference] [peak] [where]      all of them by default
 *
 * `where` says where the time of a step goes. PyTorch is run with BAROMETER_PEERS_PYTHON (python3): the interpreter of an
 * environment that has torch and transformers. Two threads on either side.
 */
import { appendFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine } from '../machine.ts'
import { table } from '../report.ts'
import { type CaseName, caseNames } from './cases.ts'
import type { Compared } from './compare.ts'
import { type Inference, inference } from './inference.ts'
import { peak } from './peak.ts'
import { type Precision, type Training, training } from './training.ts'
import { type Where, where } from './where.ts'

const parts = ['peak', 'training', 'inference', 'where'] as const
type Part = (typeof parts)[number]

const HELP = `usage: npm run bench engine -- [${parts.join('] [')}] [options]

  --rounds N      how often each side has its turn (5)
  --cases LIST    ${caseNames.join(',')} (all)
  --precisions LIST   the peer's in training: fp32,bf16 (fp32)
  --json FILE     append every figure to FILE, one line of JSON each

environment: BAROMETER_PEERS_PYTHON (python3)`

const print = (text: string): boolean => process.stdout.write(`${text}\n`)

export async function engine(args: readonly string[]): Promise<void> {
  const { values: options, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      cases: { type: 'string', default: caseNames.join(',') },
      precisions: { type: 'string', default: 'fp32' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (options.help) return void print(HELP)
  const python = process.env['BAROMETER_PEERS_PYTHON'] ?? 'python3'
  const rounds = Number(options.rounds)
  const chosen: readonly Part[] = positionals.length === 0 ? parts : known(positionals, parts)
  const names: CaseName[] = known(options.cases.split(','), caseNames)
  const precisions: Precision[] = known(options.precisions.split(','), ['fp32', 'bf16'])
  const record = (line: object): void => {
    if (options.json !== undefined) appendFileSync(options.json, `${JSON.stringify(line, rounded)}\n`)
  }
  const about = machine(fileURLToPath(new URL('../../..', import.meta.url)))
  record({ what: 'machine', ...about })
  print(`${about.cpu}, ${about.cores} cores, ${about.memoryGb} GB; Node ${about.node}; commit ${about.commit}\n`)

  if (chosen.includes('peak')) {
    for (const threads of [1, 2]) {
      const found = await peak(threads, 2048)
      record(found)
      print(`2048³ in float32, ${threads} thread(s): ${found.gigaflops.toFixed(0)} GFLOP/s`)
    }
    print('')
  }
  if (chosen.includes('training')) {
    const done: Training[] = []
    for (const precision of precisions)
      for (const name of names) {
        const one = await training(name, precision, python, rounds)
        record(one)
        done.push(one)
      }
    print(
      `${comparedTable(
        'training step',
        done.map((one) => [`${one.name} (${one.shape})`, one.precision, one]),
      )}\n`,
    )
  }
  if (chosen.includes('inference')) {
    const done: Inference[] = []
    for (const precision of ['fp32', 'int8'] as const) {
      await inference(precision, python, rounds, (one) => {
        record(one)
        done.push(one)
      })
    }
    print(
      `${comparedTable(
        'inference',
        done.map((one) => [`${one.rows}×${one.length}`, one.precision, one]),
      )}\n`,
    )
  }
  if (chosen.includes('where')) {
    for (const name of names) {
      const one = where(name)
      record(one)
      print(`${whereTable(one)}\n`)
    }
  }
}

function known<T extends string>(given: readonly string[], all: readonly T[]): T[] {
  return given.map((name) => all.find((one) => one === name) ?? unknown(name))
}

function unknown(name: string): never {
  process.stderr.write(`Unknown: ${name}.\n\n${HELP}\n`)
  process.exit(2)
}

function comparedTable(what: string, rows: readonly (readonly [string, string, Compared])[]): string {
  return table(
    [what, 'peer', 'ms', 'torch ms', 'ratio', 'worst', 'CPU ms', 'torch CPU ms', 'MB', 'torch MB', 'rounds', 'others'],
    rows.map(([name, precision, { ours, theirs, ratio, worstRatio, rounds, disturbed }]) => [
      name,
      precision,
      ours.ms.toFixed(1),
      theirs.ms.toFixed(1),
      ratio.toFixed(2),
      worstRatio.toFixed(2),
      ours.cpuMs.toFixed(1),
      theirs.cpuMs.toFixed(1),
      ours.peakMb.toFixed(0),
      theirs.peakMb.toFixed(0),
      String(rounds),
      disturbed ? 'disturbed' : 'calm',
    ]),
  )
}

/** The operators that make up nearly all of a step. */
const OPERATORS_SHOWN = 12

function whereTable({ name, runMs, operators, products }: Where): string {
  const share = (ms: number) => `${((100 * ms) / runMs).toFixed(1)} %`
  return (
    `${name}: ${runMs.toFixed(1)} ms in the runtime; ${products.gigaflop.toFixed(1)} GFLOP of products in ` +
    `${products.ms.toFixed(1)} ms, ${(products.gigaflop / (products.ms / 1000)).toFixed(0)} GFLOP/s\n` +
    table(
      ['operator', 'ms', 'share', 'count'],
      operators.slice(0, OPERATORS_SHOWN).map(({ op, ms, count }) => [op, ms.toFixed(2), share(ms), String(count)]),
    )
  )
}

/** Six significant digits are more than any figure here is good for. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
}

if (import.meta.main) await engine(process.argv.slice(2))
