/** From a hub on loopback to the answer of the server, with a model that our own engine has made. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PredictAnswer } from '@barometer/wire'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli } from '../../src/cli.ts'
import { type FakeHub, fakeHub, type RepositoryFiles } from '../hub/fakeHub.ts'
import { trainedModel } from '../hub/trainedModel.ts'
import { serve } from '../serve.ts'
import { stays } from '../stays.ts'
import { memoryTerminal } from '../tooling/memoryTerminal.ts'

const WORD = 'hf:someone/Stays'
let hub: FakeHub
let files: RepositoryFiles
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'barometer-pull-'))
  files = await trainedModel()
  hub = await fakeHub()
  hub.commit('someone/Stays', files)
}, 60_000)
afterAll(async () => {
  await hub.close()
  rmSync(folder, { recursive: true, force: true })
})

async function barometer(home: string, ...words: string[]) {
  const env = { BAROMETER_HOME: home, HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf') }
  const terminal = memoryTerminal(folder, { env })
  const code = await cli(words, terminal)
  return { code, out: terminal.out(), err: terminal.err() }
}

const predict = async (server: Awaited<ReturnType<typeof serve>>, text: string) =>
  (await server.call<PredictAnswer>('POST', '/predict', { text, task: 'sentiment' })).body

describe('one line of configuration', () => {
  const settings = () => ({ sentimentModel: WORD, hubEndpoint: hub.endpoint, hubCache: join(folder, 'cache') })

  test('puts a model of the hub into service, and needs no hub afterwards', async () => {
    const server = await serve(settings())
    const answer = await predict(server, 'this hotel was wonderful and our breakfast pleasant')
    expect(answer).toMatchObject({ label: 'positive', model: 'stays', version: 1 })
    expect(await predict(server, 'the staff was rude, the room horrible')).toMatchObject({ label: 'negative' })
    const right = await Promise.all(
      stays(40, 7).map(async ({ text, label }) => (await predict(server, text)).label === label),
    )
    expect(right.filter(Boolean).length).toBeGreaterThan(36)
    hub.mischief.status = { code: 500 }
    const again = await server.again()
    delete hub.mischief.status
    expect(await predict(again, 'this hotel was wonderful and our breakfast pleasant')).toMatchObject({
      label: 'positive',
      confidence: answer.confidence,
    })
    await again.end()
  })

  test('that cannot be followed stops the start with words that say why', async () => {
    await expect(serve({ ...settings(), sentimentModel: 'hf:someone/nothing' })).rejects.toMatchObject({
      code: 'hub_unknown',
    })
  })
})

describe('barometer pull', () => {
  test('imports, promotes, and reports what it did', async () => {
    const home = join(folder, 'home')
    const { code, out } = await barometer(home, 'pull', WORD, '--promote', '--why', 'better')
    expect(code).toBe(0)
    expect(out).toMatch(
      /hf:someone\/Stays@[0-9a-f]{40}: negative, positive for the task sentiment, .* terms: apache-2\.0/,
    )
    expect(out).toContain('stays@1 is in production.')
    const again = await barometer(home, 'pull', WORD)
    expect(again.out).toContain('It was here already, as stays@1.')
    const shown = await barometer(home, 'models', 'list')
    expect(shown.out).toMatch(/stays@1 .*production/)
  })

  test('in 8 bits takes the hub’s own file, which answers nearly the same', async () => {
    const home = join(folder, 'small')
    const { code, out } = await barometer(home, 'pull', WORD, '--quantized', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out).origin).toMatchObject({ file: 'onnx/model_quantized.onnx', quantised: true })
  })

  test('of what is no word for a model is a mistake of the command line', async () => {
    const { code, err } = await barometer(join(folder, 'none'), 'pull', 'hf:nobody')
    expect(code).toBe(2)
    expect(err).toContain('hf:OWNER/NAME')
  })

  test('of a model that is not there fails with the reason', async () => {
    const { code, err } = await barometer(join(folder, 'none'), 'pull', 'hf:someone/nothing')
    expect(code).toBe(1)
    expect(err).toMatch(/has no such model .*\(hub_unknown\)/)
  })
})
