import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'barometer-checkpoint-'))
})
afterAll(() => rm(folder, { recursive: true }))

const arrays = () => ({ w: new Float32Array(1000), m: new Float32Array(3) })
const any = (state: unknown): unknown => state

test('what was written comes back, bit for bit, into the arrays that are given', async () => {
  const path = join(folder, 'whole.bin')
  const written = { w: Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i)), m: Float32Array.of(NaN, -0, 1e-40) }
  await writeCheckpoint(path, { step: 7, words: 'Größe\n' }, written)
  const read = arrays()
  expect(await readCheckpoint(path, read, any)).toEqual({ step: 7, words: 'Größe\n' })
  expect(read).toEqual(written)
})

test('without a file there is nothing', async () => {
  expect(await readCheckpoint(join(folder, 'nothing.bin'), arrays(), any)).toBeNull()
})

test('a file that was cut, is something else or has other sizes is refused, and the arrays stay when the state is refused', async () => {
  const path = join(folder, 'cut.bin')
  const written = arrays()
  written.w.fill(5)
  await writeCheckpoint(path, {}, written)
  const untouched = arrays()
  const refuse = (): never => {
    throw new Error('another run')
  }
  await expect(readCheckpoint(path, untouched, refuse)).rejects.toThrow('another run')
  expect(untouched.w.every((value) => value === 0)).toBe(true)
  await expect(readCheckpoint(path, { w: new Float32Array(999), m: new Float32Array(3) }, any)).rejects.toMatchObject({
    code: 'checkpoint_unusable',
  })
  await truncate(path, (await readFile(path)).length - 1)
  await expect(readCheckpoint(path, arrays(), any)).rejects.toThrow(/ends too early/)
  await writeFile(path, 'no checkpoint\nat all')
  await expect(readCheckpoint(path, arrays(), any)).rejects.toThrow(/no checkpoint/)
})
