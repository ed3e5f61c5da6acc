/** What the scripts share: where things are, how to run a command, how to print. Plain JavaScript for Node 20. */
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The Node that the lock file pins; everything but the preparation runs on it. */
export const pinnedNode = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

export function hasPinnedNode() {
  try {
    accessSync(pinnedNode, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** One line on stderr, so that stdout stays free for results. */
export function say(words) {
  process.stderr.write(`barometer: ${words}\n`)
}

/**
 * Runs a command with this process's own output, or collects its output where `quiet`.
 *
 * @returns its exit code; 127 where there is no such command; 128 + n where signal n ended it, as a shell says it.
 */
export async function run(command, args, options = {}) {
  return (await runCollecting(command, args, { ...options, stdio: options.stdio ?? 'inherit' })).code
}

/** Like `run`, with what the command wrote on stdout and stderr together. */
export function runCollecting(
  command,
  args,
  { cwd = root, env = process.env, stdio = ['ignore', 'pipe', 'pipe'] } = {},
) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio })
    const chunks = []
    child.stdout?.on('data', (chunk) => chunks.push(chunk))
    child.stderr?.on('data', (chunk) => chunks.push(chunk))
    const end = (code) => resolve({ code, output: Buffer.concat(chunks).toString('utf8') })
    child.on('error', (error) => {
      say(`${command} could not be run: ${error.message}`)
      end(127)
    })
    child.on('close', (code, signal) => end(code ?? 128 + (signalNumbers[signal] ?? 0)))
  })
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }

/** Runs the npm that started this script, else the one in the PATH. */
export function npm(args) {
  // An npm that does not know `allowScripts` runs onnxruntime-node's install script, which would fetch CUDA. The setting is
  // a variable and not a line of .npmrc, because npm 11 warns at every call of a line that it does not know.
  const options = { env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' } }
  const own = process.env['npm_execpath']
  if (own?.endsWith('npm-cli.js')) return run(process.execPath, [own, ...args], options)
  return process.platform === 'win32' ? run('cmd', ['/c', 'npm', ...args], options) : run('npm', args, options)
}

/** The environment with the repository's own commands and Node first in the PATH, as npm has it for its scripts. */
export function toolEnvironment() {
  const separator = process.platform === 'win32' ? ';' : ':'
  return { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}${separator}${process.env['PATH'] ?? ''}` }
}
