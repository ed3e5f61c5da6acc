import { describe, expect, test } from 'vitest'
import { goodNews } from './goodNews.ts'
import { maskLine } from './maskLine.ts'
import { parseLine } from './parseLine.ts'
import { readings } from './readings.ts'

test('the first reading gives what it gave: artifacts that were made with it score to the same bits', () => {
  const lines = [
    '{"msg":"x","url":"/a?level=error"}',
    'Nov 20 10:00:00 nas app[1]: level=warn x',
    '<11>Oct 11 22:14:15 host app: it stopped',
    'error=null',
    'exit code 0',
    'https://a/b/c?x=1',
    '"GET /a/b HTTP/1.1" 503 1',
  ]
  // As the version that knew no other reading gave them.
  expect(lines.map((line) => [readings[1](line).stated, readings[1](line).words])).toEqual([
    [{ severity: 2, start: 21, end: 33 }, '{"msg":"x","url":"/a?level=error"}'],
    [{ severity: 1, start: 28, end: 38 }, '                nas app[1]: level=warn x'],
    [{ severity: 2, start: 0, end: 4 }, '<1 >                host app: it stopped'],
    [null, 'error=null'],
    [null, 'exit code 0'],
    [null, 'https://a/b/c?x=1'],
    [null, '"GET path HTTP/1  " 5xx 1'],
  ])
})

describe('in the second reading', () => {
  const words = (line: string) => readings[2](line).words.replace(/ +/g, ' ').trim()

  const news = (line: string) => readings[2](line).news.map(({ start, end }) => line.slice(start, end))

  test.each([
    ['error=null', ['error=null']],
    ['errors=0', ['errors=0']],
    ['failed: false', ['failed: false']],
    ['{"error": ""}', ['error": ""']],
    ['err=<nil>', ['err=<nil>']],
    ['exit code 0', ['exit code 0']],
    ['rc=0', ['rc=0']],
    ['code=exited, exit status 0', ['exit status 0']],
    ['passed 12, 0 failed, no known errors', ['0 failed', 'no known errors']],
  ])('trouble that did not happen is good news, and not left to the words: %s', (line, expected) => {
    expect(news(line)).toEqual(expected)
    for (const each of expected) expect(readings[2](line).words).not.toContain(each)
  })

  test.each([
    'error=5',
    'errors: 12',
    'exit code 1',
    'failed=true',
    'error: 0.5',
    'errors=0x1f',
    '10 errors',
    'error: norouting',
  ])('and trouble that did is none: %s', (line) => {
    expect(news(line)).toEqual([])
  })

  test('a URL and a target say nothing, whatever is in them', () => {
    expect(words('opened https://x.example/error?level=critical now')).toBe('opened path now')
    expect(words('a call of /fatal?level=error ended')).toBe('a call of path ended')
    expect(words('{"msg":"ready","url":"/panic/fatal","body":{"level":"error"}}')).toBe('ready')
    expect(words('{"msg":"write failed","error":"disk is full","user":"panic"}')).toBe('write failed disk is full')
  })

  test('words stay at their places, as long as the line', () => {
    const line = 'Nov 20 10:00:00 nas sshd[1021]: Failed password'
    const read = readings[2](line)
    expect(read.words.length).toBe(line.length)
    expect(read.words.indexOf('Failed')).toBe(line.indexOf('Failed'))
    expect(read.words).not.toContain('nas')
    expect(parseLine(line).stated).toBeNull()
  })

  test('the new kinds of masks take linear time, too', () => {
    for (const piece of [
      'error',
      'error=',
      'a_',
      'error_count',
      'http://',
      '/a?',
      '/',
      '"GET ',
      'status=',
      'exit ',
      'error: ',
      'rc=',
    ]) {
      const started = performance.now()
      const line = piece.repeat(20_000 / piece.length)
      maskLine(line)
      goodNews(line)
      expect(performance.now() - started, piece).toBeLessThan(500)
    }
  })
})
