/** Progress of long work, on stderr: a bar that is drawn over for a person, a line now and then for a log. */
import type { Terminal } from './terminal.ts'

export interface Progress {
  /** @param share 0 … 1, null where the end is not known. */
  update(share: number | null, words: string): void
  /** Removes the bar; `words` are said in its place where given. */
  end(words?: string): void
}

const DRAW_EVERY_MS = 100
const TELL_EVERY_MS = 5_000
const BAR_CHARS = 24

/** @param label what is done, as in “Training”. */
export function startProgress(
  terminal: Pick<Terminal, 'draw' | 'say' | 'draws' | 'columns' | 'now'>,
  label: string,
): Progress {
  const began = terminal.now()
  let last = terminal.draws ? Number.NEGATIVE_INFINITY : began
  let drawn = false
  return {
    update(share, words) {
      const now = terminal.now()
      if (now - last < (terminal.draws ? DRAW_EVERY_MS : TELL_EVERY_MS)) return
      last = now
      const shown = share === null ? '' : terminal.draws ? bar(share) : percent(share)
      const parts = [label, shown, left(share, now - began), words]
      const line = parts.filter((part) => part !== '').join('  ')
      if (!terminal.draws) return terminal.say(line)
      drawn = true
      terminal.draw('\r\u001b[2K', line.slice(0, terminal.columns - 1))
    },
    end(words) {
      if (drawn) terminal.draw('\r\u001b[2K', '')
      drawn = false
      if (words !== undefined) terminal.say(words)
    },
  }
}

function bar(share: number): string {
  const full = Math.round(clamp(share) * BAR_CHARS)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CHARS - full)} ${percent(share)}`
}

function percent(share: number): string {
  return `${Math.floor(clamp(share) * 100)} %`.padStart(5)
}

/** The time that is left if it goes on as until now. Said only once there is something to judge by. */
function left(share: number | null, elapsedMs: number): string {
  if (share === null || share < 0.02 || share >= 1 || elapsedMs < 2_000) return ''
  return `${duration((elapsedMs / share) * (1 - share))} left`
}

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share))
}
