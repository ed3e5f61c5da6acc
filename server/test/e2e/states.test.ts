/** What the page does when all is not well, or there is too much or nothing of it. The server is a small fake. */
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { nameless, openBrowser, openPage, pale, shots, sideways, soon, type Watched } from './browser.ts'
import { explained, type FakeOptions, type FakeServer, fakeServer, loggedRow, modelBody } from './fakeServer.ts'

const battery = 'The battery died after two days, but support was lovely'

let browser: Browser
const closing: (() => Promise<void>)[] = []
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser?.close())
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close().catch(() => undefined) // A test may have stopped it.
})

async function begin(
  options: FakeOptions = {},
  context: Parameters<typeof openPage>[2] = {},
  rows = 0,
): Promise<Watched & { fake: FakeServer }> {
  const fake = await fakeServer(options)
  for (let i = 0; i < rows; i++) fake.log.unshift(loggedRow(i))
  const watched = await openPage(browser, fake.address, context)
  closing.push(fake.stop, watched.close)
  return { ...watched, fake }
}

const text = (page: Page) => page.getByRole('textbox', { name: 'Text to score' })
const predictions = (page: Page) => page.getByRole('listbox', { name: 'Predictions' }).getByRole('option')

test('under the strictest policy everything works and nothing is refused', async () => {
  const { page, errors, strays } = await begin({}, {}, 30)
  await text(page).fill(battery)
  await page.locator('[data-lean]').first().waitFor()
  await page.keyboard.press('Escape')
  for (const key of ['l', 'm', 'd', 'd', '?']) await page.keyboard.press(key)
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
  expect(errors).toEqual([])
  expect(strays).toEqual([])
})

test('an answer that is late and for an older text never shows', async () => {
  const { page, fake } = await begin()
  fake.delays.set('slow', 900)
  await text(page).fill('slow but lovely')
  await page.waitForTimeout(300) // Long enough for the request to be on its way.
  await text(page).fill('bad')
  await soon(() => page.getByTestId('label').textContent()).toBe('Negative')
  await page.waitForTimeout(1000) // The late answer would have come by now.
  expect(await page.getByTestId('label').textContent()).toBe('Negative')
  expect(await page.locator('[data-lean]').allTextContents()).toEqual(['bad'])
})

test('nothing jumps while one types, from the first letter to the last', async () => {
  const { page, shifted } = await begin()
  await page.locator('main').waitFor()
  const before = await shifted()
  await text(page).pressSequentially(battery, { delay: 12 })
  await page.getByTestId('label').waitFor()
  // The table of n-grams appears below all else and pushes nothing.
  expect((await shifted()) - before).toBeLessThan(0.01)
})

test('the copy behind the text breaks its lines where the text does', async () => {
  const { page } = await begin({}, { viewport: { width: 360, height: 760 }, isMobile: true })
  for (const sample of [battery.repeat(5), 'a'.repeat(400), 'one\n\ntwo  three\n', `${'x '.repeat(300)}\n`]) {
    await text(page).fill(sample)
    const [box, copy] = await page.evaluate(() => {
      const area = document.querySelector('textarea')
      return [area?.scrollHeight ?? 0, area?.clientHeight ?? 0]
    })
    expect(box).toBe(copy)
  }
})

test('a fault is said in words with its code, and trying again is one click', async () => {
  const { page, fake } = await begin()
  fake.fail('/explain', 413, 'text_too_long', 'The text is longer than the configured limit.')
  await text(page).fill('bad')
  const alert = page.getByRole('alert')
  await alert.getByText('The text is longer than the configured limit.').waitFor()
  expect(await alert.textContent()).toContain('text_too_long')
  expect(await alert.textContent()).toContain('req-7')
  await page.screenshot({ path: join(shots, 'error.png'), fullPage: true })
  expect({ pale: await pale(page), nameless: await nameless(page) }).toEqual({ pale: [], nameless: [] })
  await alert.getByRole('button', { name: 'Try again' }).click()
  await soon(() => page.getByTestId('label').textContent()).toBe('Negative')
  expect(await alert.count()).toBe(0)
})

test('an empty log says how to fill it, a filter without a match says so', async () => {
  const { page, fake } = await begin()
  await page.goto(`${fake.address}/#/live`)
  await page.getByText('No predictions yet').waitFor()
  await page.screenshot({ path: join(shots, 'empty.png'), fullPage: true })
  expect({ pale: await pale(page), nameless: await nameless(page) }).toEqual({ pale: [], nameless: [] })
  await page.goto(`${fake.address}/#/live?label=negative`)
  await page.getByText('Nothing matches').waitFor()
})

test('an answer that breaks one page leaves the others whole', async () => {
  const { page, fake } = await begin()
  await page.route('**/models', (route) =>
    route.fulfill({ json: { models: [{ model: 'x', task: 'x', versions: [{ version: 1 }] }] } }),
  )
  await page.goto(`${fake.address}/#/models`)
  await page.reload()
  await page.getByText('This part of the page failed').waitFor()
  await page.screenshot({ path: join(shots, 'broken.png') })
  await page.unroute('**/models')
  await page.getByRole('link', { name: 'Live', exact: true }).click()
  await page.getByText('No predictions yet').waitFor()
  await page.getByRole('link', { name: 'Models', exact: true }).click()
  await page.getByRole('heading', { name: 'Version 2' }).waitFor()
})

test('a roll-back names what it returns to, and is not offered where nothing was before', async () => {
  const { page, fake } = await begin()
  await page.goto(`${fake.address}/#/models`)
  await page.getByRole('button', { name: 'Roll back to version 1' }).click()
  await page.getByRole('dialog', { name: 'Roll sentiment back to version 1?' }).waitFor()

  const first = await begin({ models: [{ ...modelBody(), roll_back_to: null }] })
  await first.page.goto(`${first.fake.address}/#/models`)
  await first.page.getByRole('heading', { name: 'History' }).first().waitFor()
  expect(await first.page.getByRole('button', { name: /Roll back/ }).count()).toBe(0)
})

test('a server without models says how to make one', async () => {
  const { page, fake } = await begin({ models: [] })
  await page.goto(`${fake.address}/#/models`)
  await page.getByText('No models yet').waitFor()
})

test('when the server goes away the page says so, keeps what it shows, and comes back by itself', async () => {
  const { page, fake } = await begin({}, {}, 5)
  await page.goto(`${fake.address}/#/live`)
  await soon(() => predictions(page).count()).toBe(5)
  await fake.stop()
  await page.getByText('This page comes back by itself.').waitFor()
  await soon(() => page.title()).toBe('No answer · Barometer')
  expect(await page.locator('#favicon').getAttribute('href')).toBe('/favicon-away.svg')
  expect(await predictions(page).count()).toBe(5)
  await page.screenshot({ path: join(shots, 'gone.png'), fullPage: true })
  // What happens while the page cannot see it is read from the log afterwards.
  fake.log.unshift(loggedRow(99, { text: 'Meanwhile' }))
  await fake.start()
  await predictions(page).filter({ hasText: 'Meanwhile' }).waitFor({ timeout: 25_000 })
  await soon(() => page.getByText('This page comes back by itself.').count()).toBe(0)
  expect(await page.title()).toBe('Live · Barometer')
  expect(await page.locator('#favicon').getAttribute('href')).toBe('/favicon.svg')
})

test('a flood neither grows the page nor freezes it, and pausing counts what waits', async () => {
  const { page, fake } = await begin({}, {}, 50)
  await page.goto(`${fake.address}/#/live`)
  await soon(() => predictions(page).count()).toBeGreaterThan(5)
  await page.evaluate(() => {
    const seen = { gaps: [] as number[], updates: 0 }
    let last = performance.now()
    const tick = (now: number): void => {
      seen.gaps.push(now - last)
      last = now
      requestAnimationFrame(tick)
    }
    requestAnimationFrame(tick)
    const list = document.querySelector('[role=listbox]')
    if (list) new MutationObserver(() => seen.updates++).observe(list, { childList: true })
    Object.assign(window, { seen })
  })
  const flood = async (from: number, events: number): Promise<void> => {
    for (let i = from; i < from + events; i++) {
      const { id, at, task, model, version, label, confidence, latency_ms, drift, source } = loggedRow(1000 + i, {
        at: new Date().toISOString(),
      })
      fake.send('prediction', {
        id,
        at,
        task,
        model,
        version,
        label,
        confidence,
        latency_ms,
        drift,
        source,
        text: `Event ${i}`,
      })
      if (i % 2 === 1) await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  await flood(0, 600) // Two every 10 ms: 200 a second for 3 s.
  await predictions(page).filter({ hasText: 'Event 599' }).waitFor()
  const { gaps, updates } = await page.evaluate(
    () => (window as unknown as { seen: { gaps: number[]; updates: number } }).seen, // Set above.
  )
  gaps.sort((a, b) => a - b)
  const at = (share: number): string => `${gaps[Math.floor((gaps.length - 1) * share)].toFixed(1)} ms`
  console.log(`${gaps.length} frames: median ${at(0.5)}, p95 ${at(0.95)}, longest ${at(1)}; ${updates} updates`)
  // However slow the machine is, the list is drawn once a frame at most, and most frames are in time.
  expect(updates).toBeGreaterThan(10)
  expect(updates).toBeLessThanOrEqual(gaps.length)
  expect(gaps[gaps.length >> 1]).toBeLessThan(50)
  expect(await predictions(page).count()).toBeLessThan(60)
  expect(await predictions(page).first().getAttribute('aria-setsize')).toBe('500')
  await page.keyboard.press('p')
  const first = await predictions(page).filter({ hasText: 'Event 599' }).getAttribute('aria-posinset')
  await flood(600, 120)
  await page.getByRole('button', { name: 'Show 120 new' }).waitFor()
  expect(await page.title()).toBe('(120) Live · Barometer')
  expect(await predictions(page).filter({ hasText: 'Event 599' }).getAttribute('aria-posinset')).toBe(first)
  await page.keyboard.press('p')
  await predictions(page).filter({ hasText: 'Event 719' }).waitFor()
  fake.send('skipped', { predictions: 1234 })
  await page.getByText('1,234 came too fast to show').waitFor()
})

test('who reads further down is not pushed about by what arrives', async () => {
  const { page, fake } = await begin({}, {}, 100)
  await page.goto(`${fake.address}/#/live`)
  await predictions(page).first().waitFor()
  await page.getByRole('listbox', { name: 'Predictions' }).evaluate((list) => list.scrollTo({ top: 600 }))
  await page.getByText('Standing still while you read').waitFor()
  const where = async () => (await predictions(page).filter({ hasText: 'Text number 80' }).boundingBox())?.y
  const before = await where()
  fake.send('prediction', { ...loggedRow(500, { text: 'Fresh' }) })
  await page.getByRole('button', { name: 'Show 1 new' }).waitFor()
  expect(await where()).toBe(before)
  await page.getByRole('button', { name: 'Show 1 new' }).click()
  await predictions(page).filter({ hasText: 'Fresh' }).waitFor()
})

test('labels that wait are sent when the page is left', async () => {
  const { page, fake } = await begin({}, {}, 3)
  await page.goto(`${fake.address}/#/live`)
  await predictions(page).first().waitFor()
  await page.keyboard.press('j')
  await page.keyboard.press('1')
  expect(fake.feedback).toEqual([])
  await page.goto('about:blank')
  await soon(() => fake.feedback.map((given) => given.label)).toEqual(['negative'])
})

test('a refused promotion is said in words and nothing is changed; the dialog keeps the reason', async () => {
  const { page, fake } = await begin()
  await page.goto(`${fake.address}/#/models/sentiment/3`)
  await page.getByRole('button', { name: 'Promote' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox').fill('Better')
  fake.fail(
    '/models/sentiment/versions/3/stage',
    403,
    'forbidden',
    'This API key lacks the scope that the route needs.',
  )
  await dialog.getByRole('button', { name: 'Promote' }).click()
  await dialog.getByText('forbidden').waitFor()
  await page.screenshot({ path: join(shots, 'refused.png') })
  expect(await dialog.getByRole('textbox').inputValue()).toBe('Better')
  await dialog.getByRole('button', { name: 'Promote' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.getByText('“Better”').first().waitFor()
})

test('a session that ends elsewhere leads to the sign-in, and changes carry their token', async () => {
  const { page, fake } = await begin({ key: 'bk_key' })
  await page.getByLabel('API key').fill('bk_key')
  await page.keyboard.press('Enter')
  await text(page).fill('good')
  await soon(() => page.getByTestId('label').textContent()).toBe('Positive')
  await fetch(`${fake.address}/session`, { method: 'DELETE', headers: { 'x-csrf-token': 'token' } })
  await text(page).fill('bad')
  await page.getByLabel('API key').waitFor()
})

test('who wants less motion gets none; who switches single keys off is left alone', async () => {
  const { page } = await begin({}, { reducedMotion: 'reduce' })
  await text(page).fill(battery)
  await page.getByTestId('label').waitFor()
  const moving = await page.evaluate(
    () =>
      [...document.querySelectorAll('*')].filter((e) => Number.parseFloat(getComputedStyle(e).transitionDuration) > 0)
        .length,
  )
  expect(moving).toBe(0)
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  await page.getByRole('checkbox', { name: 'Single-key shortcuts' }).uncheck()
  await page.keyboard.press('Escape')
  await page.keyboard.press('m')
  expect(page.url()).not.toContain('models')
})

test('the theme follows the system until one chooses, and the choice is kept without a flash', async () => {
  const { page } = await begin({}, { colorScheme: 'dark' })
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const dark = await back()
  await page.getByRole('button', { name: /^Theme: system/ }).click()
  const light = await back()
  expect(light).not.toBe(dark)
  await page.reload({ waitUntil: 'commit' })
  await page.locator('body').waitFor({ state: 'attached' })
  expect(await back()).toBe(light)
})

test('a page of 20,000 characters is painted and stays in its box', async () => {
  const { page } = await begin({}, { viewport: { width: 360, height: 760 }, isMobile: true })
  const long = `${battery}. `.repeat(340)
  await text(page).fill(long)
  await soon(() => page.locator('[data-lean]').count()).toBeGreaterThan(1000)
  expect(await page.getByTestId('painted').textContent()).toBe(`${long}\u200b`)
  expect(await sideways(page)).toBeLessThanOrEqual(0)
  expect(explained(long).label).toBe((await page.getByTestId('label').textContent())?.toLowerCase())
})
