/** The page against a real server, in a real browser: the way of a newcomer, and that of an operator. */
import { execFile } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ExplainAnswer, LoggedPrediction, ModelBody } from '@barometer/wire'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serveKeyed } from '../keyed.ts'
import { type Served, serve } from '../serve.ts'
import { barriers, nameless, openBrowser, openPage, pale, shots, sideways, soon, type Watched } from './browser.ts'

const battery = 'The battery died after two days, but support was lovely'
const command = fileURLToPath(new URL('../../bin/barometer.mjs', import.meta.url))

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser?.close())

describe('on an open server', () => {
  let server: Served
  let open: Watched
  beforeAll(async () => {
    const home = await mkdtemp(join(tmpdir(), 'barometer-page-'))
    await trainTeam(home)
    server = await serve({}, home)
    open = await openPage(browser, server.address)
  })
  afterAll(async () => {
    await open?.close()
    await server?.end()
  })

  test('words are coloured as one types, with the very figures that the server explains', async () => {
    const { page } = open
    await page.getByRole('textbox', { name: 'Text to score' }).pressSequentially(battery, { delay: 5 })
    await page.getByTestId('label').waitFor()
    await page.waitForFunction(
      (text) =>
        document.querySelectorAll('[data-lean]').length > 2 && document.querySelector('textarea')?.value === text,
      battery,
    )
    const { body } = await server.call<ExplainAnswer>('POST', '/explain', { text: battery })
    await soon(() => page.getByTestId('label').textContent()).toBe(titled(body.label))
    const painted = await page
      .locator('[data-lean]')
      .evaluateAll((spans) =>
        spans.map((span) => ({ text: span.textContent, lean: Number(span.getAttribute('data-lean')) })),
      )
    const { labels, spans } = body.explanation
    const [positive, negative] = [labels.indexOf('positive'), labels.indexOf('negative')]
    for (const { text, lean } of painted) {
      const span = spans.find((s) => s.text === text)
      expect(lean).toBeCloseTo((span?.contributions[positive] ?? NaN) - (span?.contributions[negative] ?? NaN), 2)
    }
    expect(painted.find((p) => p.text === 'lovely')?.lean).toBeGreaterThan(0)
    expect(painted.find((p) => p.text === 'died')?.lean).toBeLessThan(0)
    const colours = await page
      .locator('[data-lean]')
      .evaluateAll((all) => all.map((span) => [span.textContent, getComputedStyle(span).backgroundColor]))
    expect(new Map(colours as [string, string][]).get('lovely')).not.toBe(
      new Map(colours as [string, string][]).get('died'),
    )
  })

  test('an edit before the words moves the colours with them, at once', async () => {
    const { page } = open
    await page.route('**/explain', (route) => route.abort())
    await page.getByRole('textbox', { name: 'Text to score' }).press('Home')
    await page.keyboard.type('Sadly, ')
    const stands = await page
      .locator('[data-lean]')
      .evaluateAll((all) => all.map((span) => [span.textContent, Number(span.getAttribute('data-start'))] as const))
    expect(stands.length).toBeGreaterThan(2)
    for (const [word, start] of stands) expect(`Sadly, ${battery}`.slice(start).startsWith(word)).toBe(true)
    await page.unroute('**/explain')
    await page.getByRole('textbox', { name: 'Text to score' }).fill(battery)
    open.errors.length = 0 // The requests that this test cut off.
  })

  test('pointing at a word says exactly what it adds, to every label', async () => {
    const { page } = open
    const word = page.locator('[data-lean]', { hasText: /^lovely$/ })
    await word.waitFor()
    await word.hover({ force: true })
    const { body } = await server.call<ExplainAnswer>('POST', '/explain', { text: battery })
    const span = body.explanation.spans.find((s) => s.text === 'lovely')
    const said = await page.getByTestId('readout').textContent()
    expect(said).toContain('“lovely”'.slice(1, -1))
    expect(said).toContain('towards positive')
    for (const [k, label] of body.explanation.labels.entries())
      expect(said).toContain(`${label} ${signed(span?.contributions[k] ?? NaN)}`)
  })

  test('a text without a known word is said to be one, instead of a label in large letters', async () => {
    const { page } = open
    const box = page.getByRole('textbox', { name: 'Text to score' })
    await box.fill('Это ужасно')
    await page.getByTestId('label').filter({ hasText: 'No known words' }).waitFor()
    await box.fill(battery)
    await page.getByTestId('label').filter({ hasNotText: 'No known words' }).waitFor()
  })

  test('typing logs nothing; Enter logs, and the link leads to the row in Live', async () => {
    const { page } = open
    const before = await rows(server)
    expect(before).toEqual([])
    await page.getByRole('textbox', { name: 'Text to score' }).press('Enter')
    const id = (await page.getByTestId('logged-id').textContent()) ?? ''
    expect((await rows(server)).map((row) => [row.id, row.text, row.source])).toEqual([[id, battery, 'page']])
    await page.screenshot({ path: join(shots, 'try-light.png'), fullPage: true })
    await proper(page, 'try')
    await page.getByRole('link', { name: 'See it in the log' }).click()
    await page.getByTestId('detail-text').filter({ hasText: battery }).waitFor()
    expect(await page.locator(`[id="row-${id}"]`).getAttribute('aria-selected')).toBe('true')
  })

  test('predictions made elsewhere appear by themselves, newest first', async () => {
    const { page } = open
    await page.keyboard.press('Escape')
    for (const text of ['Good coffee', 'Cold coffee', 'No coffee'])
      await server.call('POST', '/predict', { text, source: 'kitchen' })
    const options = predictions(page)
    await soon(() => options.count()).toBe(4)
    const order = await options.evaluateAll((all) =>
      all
        .toSorted((a, b) => Number(a.getAttribute('aria-posinset')) - Number(b.getAttribute('aria-posinset')))
        .map((o) => o.textContent),
    )
    expect(order[0]).toContain('No coffee')
    expect(order[3]).toContain(battery)
  })

  test('a filter holds for what is there and for what comes, and stands in the address', async () => {
    const { page } = open
    await page.getByRole('searchbox', { name: 'Text' }).fill('cold')
    await soon(() => predictions(page).count()).toBe(1)
    await server.call('POST', '/predict', { text: 'Nothing like that' })
    await server.call('POST', '/predict', { text: 'A cold start' })
    await soon(() => predictions(page).count()).toBe(2)
    expect(page.url()).toContain('q=cold')
    await page.getByRole('button', { name: 'Clear' }).click()
    await soon(() => predictions(page).count()).toBe(6)
  })

  test('j, a number, and the label is in the log; u takes one back that is not sent yet', async () => {
    const { page } = open
    await page.locator('main').click({ position: { x: 2, y: 2 } })
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    const chosen = await predictions(page).and(page.locator('[aria-selected=true]')).getAttribute('id')
    const id = chosen?.replace('row-', '') ?? ''
    await page.keyboard.press('1')
    await page.getByRole('button', { name: 'Take it back' }).waitFor()
    expect((await one(server, id)).feedback).toBeNull()
    await page.keyboard.press('u')
    await page.getByText('was not sent').waitFor()
    await page.keyboard.press('3')
    await soon(async () => (await one(server, id)).feedback?.label).toBe('positive')
    await page.getByText('Saved: positive').waitFor()
    await page.keyboard.press('2')
    await page.keyboard.press('u')
    await page.getByText('neutral was not sent').waitFor()
    await page.keyboard.press('u')
    await page.getByText('saved already').waitFor()
    expect((await one(server, id)).feedback).toMatchObject({ label: 'positive', changes: 0 })
    await page.screenshot({ path: join(shots, 'live-light.png'), fullPage: true })
    await proper(page, 'live')
    await page.keyboard.press('Escape')
  })

  test('a version is promoted with its reason, and its task can be tried at once', async () => {
    const { page } = open
    await page.keyboard.press('m')
    await page.getByRole('link', { name: /Team/ }).click()
    await page.getByRole('button', { name: 'Promote' }).click()
    const dialog = page.getByRole('dialog', { name: 'Promote team 1?' })
    expect(await dialog.getByRole('button', { name: 'Promote' }).isDisabled()).toBe(true)
    await dialog.getByRole('textbox').fill('Right on every ticket of last week')
    await dialog.getByRole('button', { name: 'Promote' }).click()
    await dialog.waitFor({ state: 'detached' })
    const { body } = await server.call<ModelBody>('GET', '/models/team')
    expect(body.production).toBe(1)
    await page.getByRole('region', { name: 'History' }).getByText('Right on every ticket of last week').waitFor()
    await page.screenshot({ path: join(shots, 'models-light.png'), fullPage: true })
    await proper(page, 'models')
    await page.keyboard.press('t')
    await page.getByText('Team', { exact: true }).click()
    await page.getByRole('textbox', { name: 'Text to score' }).fill('where is my package')
    await soon(() => page.getByTestId('label').textContent()).toBe('Shipping')
  })

  test('the keyboard alone is enough, and the sheet of keys gives the focus back', async () => {
    const { page } = open
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Keyboard shortcuts' }).focus()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Keyboard shortcuts')
    await page.keyboard.press('/')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('text')
  })

  test('nothing left the origin, nothing was said in the console, and next to nothing jumped', async () => {
    expect(open.strays).toEqual([])
    expect(open.errors).toEqual([])
    expect(await open.shifted()).toBeLessThan(0.05)
  })

  for (const look of [
    { name: 'dark', options: { colorScheme: 'dark' } },
    {
      name: 'phone',
      options: { viewport: { width: 360, height: 760 }, isMobile: true, hasTouch: true, colorScheme: 'light' },
    },
  ] as const)
    test(`${look.name}: every page is legible, named and fits`, async () => {
      const watched = await openPage(browser, server.address, look.options)
      const { page } = watched
      const check = async (name: string): Promise<void> => {
        await page.screenshot({ path: join(shots, `${name}-${look.name}.png`), fullPage: true, animations: 'disabled' })
        expect({
          name,
          pale: await pale(page),
          nameless: await nameless(page),
          barriers: await barriers(page),
        }).toEqual({ name, pale: [], nameless: [], barriers: [] })
        expect(await sideways(page)).toBeLessThanOrEqual(0)
      }
      await page.getByRole('textbox', { name: 'Text to score' }).fill(battery)
      await page.locator('[data-lean]').first().waitFor()
      await check('try')
      await page.goto(`${server.address}/#/live`)
      await predictions(page).first().click()
      await page.getByTestId('detail-text').locator('[data-lean]').first().waitFor()
      await check('live')
      await page.goto(`${server.address}/#/models/sentiment`)
      await page.getByRole('region', { name: 'History' }).getByText('Registered').waitFor()
      await check('models')
      expect(watched.errors).toEqual([])
      expect(watched.strays).toEqual([])
      await watched.close()
    })
})

test('a key opens the page, hides what it may not do, and signing out closes it again', async () => {
  const { server, keys } = await serveKeyed()
  const { page, strays, close } = await openPage(browser, server.address)
  await page.getByLabel('API key').fill('bk_0000_wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').getByText('unauthorised').waitFor()
  await page.screenshot({ path: join(shots, 'sign-in.png') })
  await page.getByLabel('API key').fill(keys.read)
  await page.keyboard.press('Enter')
  const pages = page.getByRole('navigation', { name: 'Pages' }).getByRole('link')
  await soon(() => pages.allTextContents()).toEqual(['Live', 'Models'])
  await page.getByRole('link', { name: 'Models', exact: true }).click()
  await page.getByText('Version 1').first().waitFor()
  expect(await page.getByRole('button', { name: 'Archive' }).count()).toBe(0)
  expect(await page.context().cookies()).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }])
  expect(
    await page.evaluate(() => JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])),
  ).not.toContain(keys.read)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('API key').fill(keys.all)
  await page.keyboard.press('Enter')
  await soon(() => pages.allTextContents()).toEqual(['Try it', 'Live', 'Models'])
  await page.keyboard.press('t')
  await page.getByRole('textbox', { name: 'Text to score' }).fill(battery)
  await page.getByTestId('label').waitFor()
  await page.getByRole('button', { name: 'Log it' }).click()
  await page.getByTestId('logged-id').waitFor()
  expect(strays).toEqual([])
  await close()
  await server.end()
})

/** Legible, named, and no wider than its window. */
async function proper(page: Page, name: string): Promise<void> {
  expect({ name, pale: await pale(page), nameless: await nameless(page) }).toEqual({ name, pale: [], nameless: [] })
  expect(await sideways(page)).toBeLessThanOrEqual(0)
}

/** A model of the user's own, made as a user would make it. */
async function trainTeam(home: string): Promise<void> {
  const tickets = ['refund my order please', 'the invoice is wrong', 'parcel never arrived', 'where is my package']
  const lines = Array.from(
    { length: 200 },
    (_, i) => `${tickets[i % 4]} order ${i},${i % 4 < 2 ? 'billing' : 'shipping'}`,
  )
  const data = join(home, 'tickets.csv')
  await writeFile(data, ['text,label', ...lines].join('\n'))
  const asked = [
    'train',
    '--data',
    data,
    '--text-column',
    'text',
    '--label-column',
    'label',
    '--name',
    'team',
    '--home',
    home,
  ]
  await promisify(execFile)(process.execPath, [command, ...asked])
}

async function rows(server: Served): Promise<LoggedPrediction[]> {
  return (await server.call<{ predictions: LoggedPrediction[] }>('GET', '/predictions')).body.predictions
}

async function one(server: Served, id: string): Promise<LoggedPrediction> {
  return (await server.call<LoggedPrediction>('GET', `/predictions/${id}`)).body
}

function predictions(page: Page): Locator {
  return page.getByRole('listbox', { name: 'Predictions' }).getByRole('option')
}

function titled(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function signed(value: number): string {
  const text = Math.abs(value).toFixed(2)
  return Number(text) === 0 ? text : (value < 0 ? '\u2212' : '+') + text
}
