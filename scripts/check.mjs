/**
 * Everything that a change must pass. All steps run, also after one has failed; the table at the end says which.
 *
 *   npm run check                        all steps
 *   npm run check -- types lint          only these
 *   npm run check -- --without tests     all but these
 */
import { join } from 'node:path'
import { pinnedNode, root, runCollecting, toolEnvironment } from './run.mjs'
import { runTests } from './test.mjs'

const bin = (name) => join(root, 'node_modules', '.bin', name)

/** In the order of their speed: the cheapest complaint comes first. `run` returns { ok, output?, note? }. */
const steps = [
  command('format', 'formatted, imports in order', bin('biome'), ['check', '--colors=off']),
  command('boundaries', 'folders import what they may', pinnedNode, ['scripts/boundaries.ts', '--check']),
  command('lint', 'oxlint, type-aware', bin('oxlint'), ['--type-aware', '--quiet']),
  {
    name: 'types',
    say: 'TypeScript 7, strict',
    async run() {
      const projects = ['wire', 'server/tsconfig.pure.json', 'server', 'server/test/e2e', 'web']
      const results = []
      for (const project of projects) results.push(await tool(bin('tsc'), ['-p', project, '--noEmit']))
      return { ok: results.every((one) => one.code === 0), output: results.map((one) => one.output).join('') }
    },
  },
  {
    name: 'dead code',
    say: 'knip: what nothing uses, and what only tests use',
    async run() {
      // Exports for tests alone that are meant to be there carry the tag @internal, with the reason.
      const results = []
      for (const mode of [[], ['--production']])
        results.push(await tool(bin('knip'), ['--no-progress', '--no-config-hints', ...mode]))
      return { ok: results.every((one) => one.code === 0), output: results.map((one) => one.output).join('') }
    },
  },
  {
    name: 'tests',
    say: 'vitest',
    async run() {
      const { ok, line } = await runTests([])
      return { ok, output: '', note: line }
    },
  },
]

process.exit((await check(process.argv.slice(2))) ? 0 : 1)

async function check(args) {
  const chosen = choose(args)
  const results = []
  for (const step of chosen) {
    process.stdout.write(`\n── ${step.name}: ${step.say}\n`)
    const began = performance.now()
    const { ok, output = '', note = '' } = await step.run()
    const seconds = (performance.now() - began) / 1000
    if (!ok && output) process.stdout.write(output.endsWith('\n') ? output : `${output}\n`)
    process.stdout.write(`   ${ok ? 'ok' : 'FAILED'} in ${seconds.toFixed(1)} s\n`)
    results.push({ step, ok, seconds, note })
  }
  process.stdout.write('\n')
  for (const { step, ok, seconds, note } of results)
    process.stdout.write(
      `${step.name.padEnd(12)}${`${seconds.toFixed(1)} s`.padStart(9)}   ${ok ? 'ok' : 'FAILED'}   ${note}\n`,
    )
  const tests = results.find(({ step }) => step.name === 'tests')
  if (tests) process.stdout.write(`\n${tests.note}\n`)
  return results.every(({ ok }) => ok)
}

function choose(args) {
  const without = args[0] === '--without'
  const names = (without ? args.slice(1) : args).flatMap((word) => word.split(','))
  const unknown = names.filter((name) => !steps.some((step) => step.name === name))
  if (unknown.length > 0 || (without && names.length === 0)) {
    process.stderr.write(`No such step: ${unknown.join(', ') || '(none named)'}. `)
    process.stderr.write(`There are: ${steps.map((step) => `"${step.name}"`).join(', ')}.\n`)
    process.exit(2)
  }
  if (names.length === 0) return steps
  return steps.filter((step) => names.includes(step.name) !== without)
}

function command(name, words, program, args) {
  return {
    name,
    say: words,
    async run() {
      const { code, output } = await tool(program, args)
      return { ok: code === 0, output }
    },
  }
}

function tool(program, args) {
  return runCollecting(program, args, { env: toolEnvironment() })
}
