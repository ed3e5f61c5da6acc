/** How words of the command line are read, and how figures and failures are said. */
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../config.ts'
import { Fault } from '../domain/faults.ts'
import { exits, explainFailure, OperatingError, UsageError } from './failure.ts'
import { exactly, list, modelName, named, span, wholeNumber } from './options.ts'
import { duration, startProgress } from './progress.ts'
import { bytes, count, curve, paint, percent, shown, table } from './style.ts'

describe('options', () => {
  test('a version is NAME@VERSION; the version may be left out where it need not be said', () => {
    expect(named('sentiment@12')).toEqual({ model: 'sentiment', version: 12 })
    expect(named('my-task_2')).toEqual({ model: 'my-task_2', version: null })
    expect(exactly('a@1')).toEqual({ model: 'a', version: 1 })
    expect(() => exactly('a')).toThrow('Which version?')
    for (const word of ['a@0', 'a@-1', 'a@1.5', 'A@1', '@1', 'a@', '../a@1']) expect(() => named(word)).toThrow()
  })

  test('a model name is what the API takes', () => {
    expect(modelName('team')).toBe('team')
    for (const word of ['', 'Team', '1a', 'a b', 'a'.repeat(64)]) expect(() => modelName(word)).toThrow()
  })

  test('spans of time', () => {
    expect(span('90d')).toBe(90 * 86_400_000)
    expect(span('30m')).toBe(1_800_000)
    expect(span('2w')).toBe(14 * 86_400_000)
    for (const word of ['', '0d', '5', 'd', '-1d', '1.5h', '1y']) expect(() => span(word)).toThrow('90d')
  })

  test('whole numbers keep to their range; lists lose their blanks', () => {
    expect(wholeNumber(0, 10)('7')).toBe(7)
    for (const word of ['11', '-1', '1.5', '', 'x', '1e1'])
      expect(() => wholeNumber(0, 10)(word)).toThrow('from 0 to 10')
    expect(list(' a, b ,,c')).toEqual(['a', 'b', 'c'])
  })
})

describe('failures', () => {
  test('a fault is said in its words with its code, never with a stack', () => {
    expect(explainFailure(new Fault('no_model'))).toEqual({
      words: 'barometer: The task has no production version yet. (no_model)',
      code: exits.failed,
    })
  })

  test('a wrong command line or setting is a usage error, what could not be done is not', () => {
    expect(explainFailure(new UsageError('Give one.')).code).toBe(exits.usage)
    expect(explainFailure(new ConfigError('PORT must be …')).code).toBe(exits.usage)
    expect(explainFailure(new OperatingError('No server.'))).toEqual({
      words: 'barometer: No server.',
      code: exits.failed,
    })
  })

  test('what the system refused is said in words', () => {
    const error = Object.assign(new Error('ENOENT: …'), { code: 'ENOENT', syscall: 'open', path: '/x' })
    expect(explainFailure(error).words).toBe('barometer: /x: there is no such file or folder (ENOENT)')
    const port = Object.assign(new Error('…'), {
      code: 'EADDRINUSE',
      syscall: 'listen',
      address: '127.0.0.1',
      port: 80,
    })
    expect(explainFailure(port).words).toBe('barometer: 127.0.0.1:80: the port is taken already (EADDRINUSE)')
  })

  test('Ctrl-C is no failure to explain; a bug is, with its stack', () => {
    expect(explainFailure(AbortSignal.abort().reason)).toEqual({
      words: 'barometer: stopped.',
      code: exits.interrupted,
    })
    expect(explainFailure(new TypeError('x is undefined')).words).toMatch(
      /mistake in Barometer itself[^]*TypeError[^]*at /,
    )
  })
})

describe('progress', () => {
  function watch(draws: boolean) {
    let now = 0
    let written = ''
    const terminal = {
      draws,
      columns: 80,
      now: () => now,
      say: (text: string) => void (written += `${text}\n`),
      draw: (cursor: string, text: string) => void (written += cursor + text),
    }
    const progress = startProgress(terminal, 'Scoring')
    return { progress, at: (ms: number) => void (now = ms), written: () => written }
  }

  test('a person sees a bar that is drawn over, at most ten times a second', () => {
    const { progress, at, written } = watch(true)
    for (let ms = 0; ms < 1000; ms += 10) {
      at(ms)
      progress.update(ms / 2000, 'rows')
    }
    expect(written().split('\r').length - 1).toBe(10)
    at(4000)
    progress.update(0.5, 'rows')
    expect(written()).toContain('████████████░░░░░░░░░░░░  50 %  4.0 s left  rows')
    progress.end('done')
    expect(written().endsWith('\r\u001b[2Kdone\n')).toBe(true)
  })

  test('a log gets a plain line every five seconds, and none for short work', () => {
    const { progress, at, written } = watch(false)
    for (let ms = 0; ms <= 12_000; ms += 100) {
      at(ms)
      progress.update(ms / 24_000, 'rows')
    }
    progress.end()
    expect(written()).toBe('Scoring   20 %  19 s left  rows\nScoring   41 %  14 s left  rows\n')
  })
})

test('figures are short and mean what they say', () => {
  expect([0, 999, 1500, 25_000_000].map(bytes)).toEqual(['0 B', '999 B', '1.5 kB', '25 MB'])
  expect([percent(0.98765), percent(null), percent(1, 0)]).toEqual(['98.8 %', '–', '100 %'])
  expect(count(25_000)).toBe('25,000')
  expect([100, 9_900, 61_000, 200_000, 8_000_000].map(duration)).toEqual(['0.1 s', '9.9 s', '61 s', '3 min', '2 h'])
})

test('a curve shows the last values between their lowest and highest', () => {
  expect(curve([9, 8, 4, 1, 2], 4)).toBe('█▄▁▂')
  expect(curve([3, 3])).toBe('▁▁')
  expect(curve([])).toBe('')
})

test('a table keeps its columns under their names, also where cells are coloured', () => {
  const rows = [
    ['a', '1'],
    [paint(true, 'green', 'long'), '23'],
  ]
  expect(shown(table(['name', 'n>'], rows, false))).toBe('name   n\na      1\n\u001b[32mlong\u001b[39m  23')
})
