/** The two graphs of a model that we build: one that trains, one that only evaluates. */
import { differentiate } from '../autodiff/differentiate.ts'
import type { GradientOutput, ParameterSpec, Step } from '../fit/trainable.ts'
import type { Value } from '../graph/ir.ts'
import { type Build, stepBuild } from './build.ts'

/** What a model makes of its feeds in a graph. */
export interface Result {
  /** Scalar. */
  readonly loss: Value
  readonly logits: Value
}

type Body = (build: Build) => Result

/** Loss, gradients and dropout masks. The gradient of `w` comes out as `gradient.w`, of gathered rows as `gradient.w.rows`. */
export function trainingStep(specs: readonly ParameterSpec[], body: Body): Step {
  const build = stepBuild(specs, true)
  const { g } = build
  const { loss } = body(build)
  const learning = new Set(specs.filter(({ learns }) => learns).map(({ name }) => name))
  const gathered = build.gathered.filter(({ table }) => learning.has(table))
  // The whole gradient of a table that is gathered from would be as large as the table: its rows' is handed out instead.
  const apart = new Set(gathered.map(({ table }) => table))
  const whole = [...[...build.parameters].filter(([name]) => !apart.has(name)), ...build.ties].filter(([name]) =>
    learning.has(name),
  )
  const found = differentiate(g, loss, [...whole.map(([, value]) => value), ...gathered.map(({ rows }) => rows)])

  const gradients: Record<string, GradientOutput[]> = {}
  const show = (name: string, output: GradientOutput, gradient: Value | undefined) => {
    if (gradient === undefined || !learning.has(name)) return
    g.output(gradient, output.output)
    ;(gradients[name] ??= []).push(output)
  }
  const dense = (name: string, gradient: Value | undefined) =>
    show(name, { kind: 'dense', output: `gradient.${name}` }, gradient)
  g.output(loss, 'loss')
  for (const [name, value] of whole) dense(name, found.get(value))
  for (const { table, ids, rows } of gathered)
    show(table, { kind: 'rows', output: `gradient.${table}.rows`, ids }, found.get(rows))
  return { graph: g.finish(), loss: 'loss', gradients, masks: build.masks }
}

/** Loss and logits. */
export function evaluationStep(specs: readonly ParameterSpec[], body: Body): Step {
  const build = stepBuild(specs, false)
  const { loss, logits } = body(build)
  build.g.output(logits, 'logits')
  build.g.output(loss, 'loss')
  return { graph: build.g.finish(), loss: 'loss', gradients: {}, masks: [] }
}
