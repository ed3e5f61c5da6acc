import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asCalled, calledAs, folderWord, hint, shellWord } from './hint.ts'

const terminal = { called: 'npx barometer' }

test('a hint names the command as it was called, and the state that it was called on', () => {
  expect(hint(terminal, ['models', 'promote', 'team@1'])).toBe('npx barometer models promote team@1')
  expect(hint(terminal, ['models', 'promote', 'team@1'], { home: '/my state' })).toBe(
    "npx barometer models promote team@1 --home '/my state'",
  )
})

test('a shell gives back every word as it was', () => {
  const word = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0'))
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 50 }), (words) => {
      const out = execFileSync('sh', ['-c', `printf '%s\\0' ${words.map(shellWord).join(' ')}`], { encoding: 'utf8' })
      expect(out.split('\0').slice(0, -1)).toEqual(words)
    }),
    { numRuns: 20 },
  )
})

test.each([
  ['topic', './topic'],
  ['a/b', './a/b'],
  ['./topic/', './topic/'],
  ['-x', './-x'],
  ['../topic', '../topic'],
  ['..', '..'],
  ['..topic', './..topic'],
  ['/tmp/topic', '/tmp/topic'],
])('the folder %s is written %s, which no name of a model and no option looks like', (folder, word) => {
  expect(folderWord(folder)).toBe(word)
})

test.each([
  ['npx', '/app/node_modules/.bin/barometer', { npm_command: 'exec', PATH: '/app/node_modules/.bin' }, 'npx barometer'],
  ['npm start', '/app/node_modules/.bin/barometer', { npm_command: 'start' }, 'npx barometer'],
  ['its name, on the path', '/usr/bin/barometer', { PATH: '/bin:/usr/bin' }, 'barometer'],
  ['a path below', '/app/server/bin/barometer.mjs', { PATH: '/bin' }, './server/bin/barometer.mjs'],
  ['a path elsewhere', '/opt/my tools/barometer', { PATH: '/bin' }, "'/opt/my tools/barometer'"],
])('called by %s', (_how, script, env, called) => {
  expect(calledAs(script, env, '/app')).toBe(called)
})

test('commands in our own words are as they are called; other words are left', () => {
  expect(asCalled('Make one with `barometer keys create`; “barometer runs list” shows them.', terminal)).toBe(
    'Make one with `npx barometer keys create`; “npx barometer runs list” shows them.',
  )
  for (const text of [
    'postgres://barometer@db/barometer',
    'x/barometer predict',
    'barometer: stopped.',
    'a barometer status-page',
  ])
    expect(asCalled(text, terminal)).toBe(text)
})
