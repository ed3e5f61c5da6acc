import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHome, refuseFile } from './openHome.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'barometer-home-'))
  writeFileSync(join(folder, 'file'), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

test('a folder of the state is made for its owner alone', () => {
  openHome(join(folder, 'a/b'))
  expect(statSync(join(folder, 'a/b')).mode & 0o777).toBe(0o700)
})

test('a file is refused as the folder of the state, by those that write and by those that only read', () => {
  for (const use of [openHome, refuseFile]) {
    expect(() => use(join(folder, 'file'))).toThrow('it is a file, not a folder. Name another')
    expect(() => use(join(folder, 'file/in'))).toThrow('a part of the path is a file. Name another')
  }
})

test('who only reads makes no folder', () => {
  refuseFile(join(folder, 'none'))
  expect(existsSync(join(folder, 'none'))).toBe(false)
})
