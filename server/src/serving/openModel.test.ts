import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** Of a process that has imported a module: whether it holds ONNX Runtime. */
function holdsRuntime(module: string): boolean {
  const url = new URL(module, import.meta.url).href
  const program = `import { readFileSync } from 'node:fs'; await import(${JSON.stringify(url)})
    process.stdout.write(String(readFileSync('/proc/self/maps', 'utf8').includes('libonnxruntime')))`
  return execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' }) === 'true'
}

test.runIf(process.platform === 'linux')('a server does not load ONNX Runtime before a model needs it', () => {
  expect(holdsRuntime('../main.ts')).toBe(false)
  expect(holdsRuntime('./openTransformer.ts')).toBe(true)
})
