/**
 * Runs the tests and closes with one line that people and machines can read:
 *
 *   123 passed, 0 failed            (and ", 4 skipped" where some were)
 *
 *   npm test                        everything
 *   npm test -- server/src/stats    the tests under a path; further words and options go to vitest
 *
 * The exit code is 0 only when at least one test ran and none failed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pinnedNode, root, run, toolEnvironment } from './run.mjs'

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const result = await runTests(process.argv.slice(2))
  process.stdout.write(`\n${result.line}\n`)
  process.exit(result.ok ? 0 : 1)
}

/** @returns whether all is well, and the closing line; what went on is on the terminal already. */
export async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'barometer-tests-'))
  const file = join(folder, 'results.json')
  try {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const code = await run(pinnedNode, [vitest, 'run', ...reporters, ...args], { env: toolEnvironment() })
    const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null
    return judge(report, code)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * @param report what vitest's JSON reporter wrote, null where it wrote nothing
 * @param code   vitest's exit code
 *
 * A file that breaks before its tests are known counts as one failure, and so does an error outside of every test,
 * of which only vitest's exit code tells.
 */
export function judge(report, code) {
  const tests = (report?.testResults ?? []).flatMap((file) => file.assertionResults)
  const count = (...states) => tests.filter((test) => states.includes(test.status)).length
  const brokenFiles = (report?.testResults ?? []).filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  const passed = count('passed')
  const told = count('failed') + brokenFiles
  const failed = told === 0 && code !== 0 && tests.length > 0 ? 1 : told
  const skipped = count('skipped', 'pending', 'todo', 'disabled')
  const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  return { ok: code === 0 && failed === 0 && passed > 0, line }
}
