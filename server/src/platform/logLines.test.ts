import { pino } from 'pino'
import { expect, test } from 'vitest'
import { logLine } from './logLines.ts'

function lineOf(write: (log: pino.Logger) => void, colour = false): string {
  let line = ''
  write(pino({ level: 'debug' }, { write: (json: string) => (line += logLine(json, colour)) }))
  return line
}

test('a line has the local time, the level, the message, and its facts as key=value', () => {
  const line = lineOf((log) => log.info({ task: 'sentiment', version: 2, why: 'no such host' }, 'serves'))
  expect(line).toMatch(/^\d\d:\d\d:\d\d info {2}serves {2}task=sentiment {2}version=2 {2}why="no such host"\n$/)
})

test('an error keeps its stack, and what a stranger wrote cannot drive the terminal', () => {
  const line = lineOf((log) => log.error({ err: new Error('lost'), text: '\u001b[2J\u202Eevil' }, 'a \u0007 bell'))
  expect(line).toContain('lost')
  expect(line).toContain('logLines.test.ts')
  expect(line.slice(0, -1)).not.toMatch(/\p{C}/u)
})

test('only warnings and errors are coloured, and only where colours are wanted', () => {
  const warning = lineOf((log) => log.warn('careful'), true)
  expect(warning.startsWith('\u001b[33m') && warning.endsWith('\u001b[0m\n')).toBe(true)
  expect(lineOf((log) => log.info('well'), true)).not.toContain('\u001b')
})

test('a line that is not of pino is passed on', () => {
  expect(logLine('plain words\n', false)).toBe('plain words\n')
  expect(logLine('[1]\n', false)).toBe('[1]\n')
})
