/**
 * The programs that tests need and npm does not have: a browser and a Prometheus. Plain JavaScript for Node 20.
 *
 * They come from Debian's (or Ubuntu's) own packages. Without the right to install them this only says what to do,
 * and the tests that need a missing program fail and name it.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run, say } from './run.mjs'

const needed = [
  {
    package: 'chromium',
    isThere: () => existsSync(process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'),
    elsewhere: 'set CHROMIUM_PATH to the browser',
    for: 'the tests of the page in a real browser',
  },
  {
    package: 'prometheus',
    isThere: () => inPath('prometheus') && inPath('promtool'),
    elsewhere: 'put prometheus and promtool into the PATH',
    for: 'the tests of /metrics',
  },
]

export async function ensureDebianPackages() {
  const missing = needed.filter((program) => !program.isThere())
  if (missing.length === 0) return
  const packages = missing.map((program) => program.package)
  if (process.getuid?.() !== 0 || !inPath('apt-get')) return advise(missing)
  say(`Installing the Debian packages ${packages.join(', ')} (for ${missing.map((one) => one.for).join(', ')}) …`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const patience = ['-o', 'DPkg::Lock::Timeout=300', '-q']
  await run('apt-get', [...patience, 'update'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const install = ['install', '-y', '--no-install-recommends', ...packages]
  const code = await run('apt-get', [...patience, ...install], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const still = needed.filter((program) => !program.isThere())
  if (code !== 0 || still.length > 0) advise(still.length > 0 ? still : missing)
}

function inPath(command) {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function advise(missing) {
  for (const program of missing)
    say(`Not installed: ${program.package}. It is needed for ${program.for}; these will fail.`)
  say(`On Debian or Ubuntu: sudo apt-get install ${missing.map((program) => program.package).join(' ')}`)
  say(`Elsewhere: ${missing.map((program) => program.elsewhere).join(', and ')}.`)
}
