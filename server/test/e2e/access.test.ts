/** What only a browser can say: that the policies hold, and that the pages work under them. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Keyed, serveKeyed } from '../keyed.ts'
import { type Served, serve } from '../serve.ts'
import { openBrowser, openPage } from './browser.ts'

let browser: Browser
let open: Served
let keyed: Keyed
let elsewhere: Server
let foreign: string

beforeAll(async () => {
  browser = await openBrowser()
  open = await serve({ logLevel: 'silent' })
  keyed = await serveKeyed({ logLevel: 'silent' })
  elsewhere = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<title>elsewhere</title>'),
  )
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
  foreign = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}` // listening on TCP, so never a pipe's name
})
afterAll(async () => {
  await browser.close()
  await open.end()
  await keyed.server.end()
  elsewhere.close()
})

test('the documents work: nothing refused by the policy, nothing fetched from elsewhere, a request tried out', async () => {
  const { page, strays, errors, close } = await openPage(browser, open.address)
  await page.goto(`${open.address}/docs`)
  await page.locator('#operations-predict-postPredict, [id*="predict"] .opblock-summary').first().waitFor()
  const predict = page.locator('.opblock', { has: page.locator('[data-path="/predict"]') }).first()
  await predict.locator('.opblock-summary').click()
  await predict.getByRole('button', { name: 'Execute' }).click()
  await predict.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor()
  expect(errors).toEqual([])
  expect(strays).toEqual([])
  await close()
})

test('a page of another origin can neither read nor change an open server', async () => {
  const { page, close } = await openPage(browser, foreign)
  await page.goto(foreign)
  const before = (await open.call<{ total: { predictions: number } }>('GET', '/stats')).body.total.predictions
  const got = await page.evaluate(async (address) => {
    const attempt = (path: string, init?: RequestInit) =>
      fetch(address + path, init).then(
        async (response) => `${response.status} ${await response.text()}`,
        () => 'refused',
      )
    return [
      await attempt('/predictions'),
      await attempt('/predict', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"text":"x"}',
      }),
      await attempt('/predict', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"text":"x"}' }),
      await attempt('/predict', { method: 'POST', mode: 'no-cors', body: '{"text":"x"}' }),
    ]
  }, open.address)
  expect(got.map((answer) => answer.split(' ')[0])).toEqual(['refused', 'refused', 'refused', 'refused'])
  const after = (await open.call<{ total: { predictions: number } }>('GET', '/stats')).body.total.predictions
  expect(after).toBe(before)
  await close()
})

test('the session of the page: a cookie that no script can read, sent to nobody else, with a token for changes', async () => {
  const { address } = keyed.server
  const { page, close } = await openPage(browser, address)
  await page.goto(`${address}/health/live`)
  const result = await page.evaluate(async (key) => {
    const json = { 'content-type': 'application/json' }
    const send = async (path: string, init: RequestInit = {}) => (await fetch(path, init)).status
    const signedIn = await fetch('/session', { method: 'POST', headers: json, body: JSON.stringify({ key }) })
    const { csrf } = (await signedIn.json()) as { csrf: string } // SessionAnswer
    const body = JSON.stringify({ text: 'from the page' })
    return {
      script: document.cookie,
      read: await send('/models'),
      without: await send('/predict', { method: 'POST', headers: json, body }),
      withToken: await send('/predict', { method: 'POST', headers: { ...json, 'x-csrf-token': csrf }, body }),
    }
  }, keyed.keys.all)
  expect(result).toEqual({ script: '', read: 200, without: 403, withToken: 200 })
  // The same browser, on a page of another origin: the cookie stays at home.
  await page.goto(foreign)
  const form = await page.evaluate(async (to) => {
    return fetch(`${to}/models`, { credentials: 'include' }).then(
      () => 'read',
      () => 'refused',
    )
  }, address)
  expect(form).toBe('refused')
  await close()
})
