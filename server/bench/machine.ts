/** On what a figure was measured; without it, a figure says nothing. */
import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'

export interface Machine {
  readonly at: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly kernel: string
  readonly node: string
  readonly wrk: string | null
  /** Commit of this checkout; with a plus where files differ from it. */
  readonly commit: string
}

export function machine(root: string): Machine {
  const git = (...args: string[]) => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim()
  return {
    at: new Date().toISOString(),
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.version,
    wrk: wrkVersion(),
    commit: `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '-uno') === '' ? '' : '+'}`,
  }
}

/** null where wrk is not installed. */
export function wrkVersion(): string | null {
  try {
    // `wrk -v` prints its version and its usage, and exits with 1.
    execFileSync('wrk', ['-v'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    return 'unknown'
  } catch (error) {
    const failure = error as NodeJS.ErrnoException & { stdout?: string } // what execFileSync throws
    if (failure.code === 'ENOENT') return null
    return /^wrk (\S+)/.exec(failure.stdout ?? '')?.[1] ?? 'unknown'
  }
}
