/** What Linux says of a process and of the machine: time on the CPU, memory. */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ, by which /proc counts time: 100 a second on every architecture that Node runs on (proc(5), sysconf(3)). */
const TICK_MS = 10

/** Time on the CPU of a process with all its threads, in milliseconds. */
export function cpuMs(pid: number): number {
  const fields = statOf(pid)
  return (Number(fields[UTIME]) + Number(fields[STIME])) * TICK_MS
}

/** Time on the CPU of this process and of the children that it has waited for, in milliseconds. */
export function ownCpuMs(): number {
  const fields = statOf(process.pid)
  return [UTIME, STIME, CUTIME, CSTIME].reduce((sum, field) => sum + Number(fields[field]) * TICK_MS, 0)
}

/** Time that all cores together were not idle since the machine's start, in milliseconds. */
export function busyMs(): number {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq + steal) * TICK_MS
}

/** Resident memory now and at its highest, in megabytes (10⁶ bytes). */
export function memoryMb(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mb = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6
  return { now: mb('VmRSS'), peak: mb('VmHWM') }
}

/** Ids of the processes that a process started, and theirs. */
export function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return children.flatMap((child) => [child, ...descendants(child)])
}

/** Places in the list of fields after the name, proc(5): utime is field 14 of which the third stands first here. */
const [UTIME, STIME, CUTIME, CSTIME] = [11, 12, 13, 14]

function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
