/** How figures and tables look on a terminal. */
import { randomInt } from 'node:crypto'
import { stripVTControlCharacters, styleText } from 'node:util'
import { printable, printableLine } from '../domain/printable.ts'

export type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'gray' | 'bold'

/** Colours the text where colours are wanted; the words carry the meaning without them, too. */
export function paint(on: boolean, colour: Colour, text: string): string {
  return on ? styleText(colour, printable(text), { validateStream: false }).replaceAll(ESC, OURS) : text
}

const ESC = '\u001b'
/**
 * Stands for ESC where we set a colour, until the text is written: four code points of the private use area, drawn anew by
 * each process, so that no text from elsewhere can have it.
 */
const OURS = String.fromCharCode(...Array.from({ length: 4 }, () => randomInt(0xe000, 0xf900)))

/** A text as a terminal gets it: our colours are colours, whatever else a terminal would act on is shown. */
export function shown(text: string): string {
  return printable(text).replaceAll(OURS, ESC)
}

/** 0.98765 → `98.8 %` */
export function percent(share: number | null, decimals = 1): string {
  return share === null ? '–' : `${(share * 100).toFixed(decimals)} %`
}

/** 25000 → `25,000`. By hand where it can be: the first use of Intl takes 30 ms. */
export function count(n: number): string {
  return Number.isSafeInteger(n) ? String(n).replace(/\B(?=(\d{3})+$)/g, ',') : n.toLocaleString('en-US')
}

/** 1 → `1 row`, 25000 → `25,000 rows` */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = n / 1000
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`
}

/** `2026-11-20 23:59` in UTC. */
export function moment(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}

/** The last values as a row of bars, the lowest `▁` and the highest `█`. */
export function curve(values: readonly number[], bars = 16): string {
  const shown = values.slice(-bars)
  const low = Math.min(...shown)
  const high = Math.max(...shown)
  return shown.map((value) => '▁▂▃▄▅▆▇█'[high === low ? 0 : Math.round((7 * (value - low)) / (high - low))]).join('')
}

/** Columns under their names, as wide as their widest value; a name that ends in `>` has its values to the right. */
export function table(names: readonly string[], rows: readonly (readonly string[])[], colour: boolean): string {
  const right = names.map((name) => name.endsWith('>'))
  const heads = names.map((name) => name.replace(/>$/, ''))
  const lines = rows.map((row) => row.map(printableLine))
  const width = heads.map((head, i) => Math.max(head.length, ...lines.map((row) => visible(row[i]))))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const gap = ' '.repeat(width[i] - visible(cell))
        return right[i] ? gap + cell : cell + gap
      })
      .join('  ')
      .trimEnd()
  return [paint(colour, 'gray', line(heads)), ...lines.map(line)].join('\n')
}

/** A line that fits: where it has to be cut, its colours go. */
export function fitted(line: string, columns: number): string {
  return visible(line) <= columns ? line : plain(line).slice(0, columns)
}

function visible(text: string): number {
  return plain(text).length
}

function plain(text: string): string {
  return stripVTControlCharacters(text.replaceAll(OURS, ESC))
}
