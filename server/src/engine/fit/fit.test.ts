import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { evaluate } from './evaluate.ts'
import { type FitNeeds, type FitOptions, type Fitted, fit } from './fit.ts'
import { buckets, heldTexts, options, tinyEncoder, wordTexts } from './fixtures.ts'

let folder: string
let runs = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'barometer-fit-'))
})
afterAll(() => rm(folder, { recursive: true }))

const fresh = (): string => join(folder, `run-${runs++}`)
const nothing = (): void => undefined

function run(changes: Partial<FitOptions> = {}, needs: Partial<FitNeeds> = {}, dropout = 0.1): Promise<Fitted> {
  const { examples } = wordTexts(200, 1)
  return fit(
    tinyEncoder(1, dropout),
    examples,
    heldTexts(50, 2),
    { ...options, ...changes },
    { folder: fresh(), onEvent: nothing, ...needs },
  )
}

test('an encoder learns, and what comes back are the weights of its best epoch', async () => {
  const fitted = await run({ epochs: 12, learningRate: 1e-2 })
  expect(fitted.best?.metrics['accuracy']).toBeGreaterThan(0.85)
  expect(fitted.curve[0].loss).toBeGreaterThan(3 * fitted.curve[fitted.curve.length - 1].loss)
  const losses = fitted.evaluations.map(({ metrics }) => metrics['loss'])
  expect(fitted.best?.metrics['loss']).toBe(Math.min(...losses))
  const { examples } = heldTexts(50, 2)
  const seen = await evaluate(tinyEncoder(1, 0.1), fitted.weights, examples, buckets, {
    session: {},
    seed: 1,
    logits: false,
  })
  expect(seen.loss).toBe(fitted.best?.metrics['loss'])
})

test('one seed has one curve, bit for bit; another seed has another', async () => {
  const [a, b, c] = [await run(), await run(), await run({ seed: 2 })]
  expect(a.curve).toEqual(b.curve)
  expect(a.evaluations).toEqual(b.evaluations)
  expect(c.curve).not.toEqual(a.curve)
})

test('averages are what is measured and given back, and they outlive a stop', async () => {
  const own = fresh()
  const stop = new AbortController()
  let points = 0
  const onEvent = (): boolean => ++points === 60 && (stop.abort(new Error('enough')), true)
  await expect(run({ averaging: 0.9 }, { folder: own, signal: stop.signal, onEvent })).rejects.toThrow('enough')
  const [resumed, whole] = [await run({ averaging: 0.9 }, { folder: own }), await run({ averaging: 0.9 })]
  expect(resumed.evaluations).toEqual(whole.evaluations)
  expect(resumed.weights).toEqual(whole.weights)
  // Training itself is unchanged: only what is evaluated differs.
  const plain = await run()
  expect(whole.curve).toEqual(plain.curve)
  expect(whole.evaluations).not.toEqual(plain.evaluations)
})

test('a run that is killed resumes to exactly the curve of one that was not', { timeout: 60_000 }, async () => {
  const own = fresh()
  const child = () => fork(new URL('fixtures.child.ts', import.meta.url), [own], { execArgv: [] })
  for (const points of [7, 31]) {
    const victim = child()
    let seen = 0
    victim.on('message', () => {
      if (++seen === points) victim.kill('SIGKILL')
    })
    const [, signal] = (await once(victim, 'exit')) as [unknown, string]
    expect(signal).toBe('SIGKILL')
  }
  const last = child()
  const messages: { kind: string }[] = []
  last.on('message', (message) => messages.push(message as { kind: string })) // as the fixture sends it
  await once(last, 'exit')
  const whole = await run()
  expect(messages[messages.length - 1]).toEqual({ kind: 'over', curve: whole.curve, evaluations: whole.evaluations })
  // It went on from where it was: it did not learn the first steps again.
  expect(messages.filter(({ kind }) => kind === 'point').length).toBeLessThan(whole.curve.length - 30)
})

test('a run that is stopped keeps its state and resumes to the same curve', async () => {
  const own = fresh()
  const stop = new AbortController()
  const reason = new Error('enough')
  let points = 0
  const stopped = run({}, { folder: own, signal: stop.signal, onEvent: () => ++points === 20 && stop.abort(reason) })
  await expect(stopped).rejects.toBe(reason)
  const [resumed, whole] = [await run({}, { folder: own }), await run()]
  expect(resumed.curve).toEqual(whole.curve)
  expect(resumed.evaluations).toEqual(whole.evaluations)
})

test('a run that is over is not learned again', async () => {
  const own = fresh()
  const first = await run({}, { folder: own })
  const again = await run({}, { folder: own, onEvent: () => expect.unreachable('it learned') })
  expect(again.curve).toEqual(first.curve)
  expect(again.weights).toEqual(first.weights)
})

test('the state of a run with other settings is refused', async () => {
  const own = fresh()
  await run({ epochs: 1 }, { folder: own })
  await expect(run({ epochs: 2 }, { folder: own })).rejects.toMatchObject({ code: 'checkpoint_unusable' })
})

test('without a better figure for `earlyStopping` epochs it ends', async () => {
  const { ended, epochs, best } = await run({ epochs: 50, learningRate: 0.03, earlyStopping: 2 })
  expect(ended).toBe('early-stopping')
  expect(epochs).toBe((best?.epoch ?? 0) + 2)
})

test('a loss that is no longer finite ends the run with a fault', async () => {
  const diverging = run({ learningRate: 1e30, clip: Infinity })
  await expect(diverging).rejects.toMatchObject({ code: 'training_diverged' })
})
