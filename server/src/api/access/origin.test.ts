import { describe, expect, test } from 'vitest'
import { hostGuard, isLoopbackAddress, isLoopbackHost, isOwnOrigin } from './origin.ts'

describe('loopback', () => {
  test.each([
    'localhost',
    'LOCALHOST:8000',
    'localhost.:80',
    'app.localhost:8000',
    '127.0.0.1',
    '127.9.9.9:1',
    '[::1]:8000',
    '[::1]',
  ])('%s is', (host) => {
    expect(isLoopbackHost(host)).toBe(true)
  })
  test.each([
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'notlocalhost',
    '10.0.0.1:8000',
    '[::2]',
    '0.0.0.0',
    '127.0.0.1@evil.example',
  ])('%j is not', (host) => {
    expect(isLoopbackHost(host)).toBe(false)
  })
  test('addresses to listen on', () => {
    expect(['127.0.0.1', '::1', 'localhost', '127.1.2.3'].map(isLoopbackAddress)).toEqual([true, true, true, true])
    expect(['0.0.0.0', '::', '192.168.1.4', 'example.org'].map(isLoopbackAddress)).toEqual([false, false, false, false])
  })
})

test('a server answers to loopback names and the names it was given, and remembers a bounded number of others', () => {
  const answers = hostGuard(['Mood.Example'])
  expect(['localhost:8000', 'mood.example', 'MOOD.example:443'].map(answers)).toEqual([true, true, true])
  expect([undefined, 'rebound.example:8000', 'x.mood.example'].map(answers)).toEqual([false, false, false])
  for (let i = 0; i < 5000; i++) expect(answers(`h${i}.example`)).toBe(false)
  expect(answers('localhost')).toBe(true)
})

describe('whose request is it', () => {
  const host = 'localhost:8000'
  const friends = new Set(['https://friend.example'])
  test.each([
    ['a program', {}, true, true],
    ['our page, new browser', { origin: 'http://localhost:8000', 'sec-fetch-site': 'same-origin' }, true, true],
    ['our page, old browser', { origin: 'http://localhost:8000' }, true, true],
    [
      'our page behind a development proxy',
      { origin: 'http://localhost:5173', 'sec-fetch-site': 'same-origin' },
      true,
      true,
    ],
    ['the address bar', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, false, true],
    ['a link from elsewhere', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, false, true],
    [
      'a form from elsewhere',
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
      true,
      false,
    ],
    [
      'a fetch from elsewhere',
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
      true,
      false,
    ],
    ['a read from elsewhere', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, false, false],
    ['another port of this machine', { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' }, true, false],
    ['elsewhere, old browser', { origin: 'https://evil.example' }, true, false],
    ['a sandboxed frame', { origin: 'null' }, true, false],
    [
      'a page that was let in',
      { origin: 'https://friend.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
      true,
      true,
    ],
  ])('%s', (_who, headers, unsafe, own) => {
    expect(isOwnOrigin({ host, ...headers }, unsafe, friends)).toBe(own)
  })
})
