/** Where the time of a training step goes: by operator, from ONNX Runtime's own trace. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CaseName } from './cases.ts'

export interface Where {
  readonly what: 'where'
  readonly name: CaseName
  /** Inside the runtime, a step. */
  readonly runMs: number
  readonly operators: readonly { readonly op: string; readonly ms: number; readonly count: number }[]
  /** Of all products of matrices: their operations over their time. */
  readonly products: { readonly ms: number; readonly gigaflop: number }
}

const STEPS = 6
const PRODUCTS = new Set(['Gemm', 'FusedGemm', 'MatMul', 'FusedMatMul'])

interface TraceEvent {
  readonly cat: string
  readonly name: string
  /** µs */
  readonly dur: number
  readonly args?: {
    readonly op_name?: string
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[]
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[]
  }
}

export function where(name: CaseName): Where {
  const folder = mkdtempSync(join(tmpdir(), 'barometer-bench-'))
  try {
    const script = fileURLToPath(new URL('learn.ts', import.meta.url))
    const { status } = spawnSync(process.execPath, [script, name, '--profile', join(folder, 'trace')], {
      input: `{"steps": ${STEPS}}\n`,
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    if (status !== 0) throw new Error(`the profile of ${name} ended with ${status}`)
    const [file] = readdirSync(folder)
    const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as TraceEvent[] // the runtime's trace format
    return summarise(name, events)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function summarise(name: CaseName, events: readonly TraceEvent[]): Where {
  const runs = events.filter(({ name }) => name === 'model_run')
  const byOp = new Map<string, { ms: number; count: number }>()
  let [ms, gigaflop] = [0, 0]
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || args?.op_name === undefined) continue
    const sum = byOp.get(args.op_name) ?? { ms: 0, count: 0 }
    sum.ms += dur / 1000 / runs.length
    sum.count += 1 / runs.length
    byOp.set(args.op_name, sum)
    if (!PRODUCTS.has(args.op_name)) continue
    ms += dur / 1000 / runs.length
    gigaflop += operations(args) / 1e9 / runs.length
  }
  const operators = [...byOp].map(([op, { ms, count }]) => ({ op, ms, count: Math.round(count) }))
  return {
    what: 'where',
    name,
    runMs: runs.reduce((sum, { dur }) => sum + dur, 0) / 1000 / runs.length,
    operators: operators.sort((a, b) => b.ms - a.ms),
    products: { ms, gigaflop },
  }
}

/** 2·m·n·k of a product: the output has m·n elements (times batches), and k is what the inputs have beyond it. */
function operations({ input_type_shape: inputs, output_type_shape: outputs }: NonNullable<TraceEvent['args']>): number {
  const sizes = (of: typeof inputs) => (of ?? []).map((typed) => Object.values(typed)[0])
  const elements = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)
  const [[a, b], [made]] = [sizes(inputs), sizes(outputs)]
  // |A|·|B| = (m·k)·(k·n) for each batch, so k = √(|A|·|B| / (|Y|·batches)).
  const batches = made.length > 2 && b.length > 2 ? elements(made.slice(0, -2)) : 1
  const k = Math.sqrt((elements(a) * elements(b)) / (elements(made) * batches))
  return 2 * elements(made) * k
}
