/** Many tabs of one browser against a real server: a browser opens no more than six connections to it. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Served, serve } from '../serve.ts'
import { openBrowser, soon } from './browser.ts'

let browser: Browser
let server: Served
let road: Road
beforeAll(async () => {
  browser = await openBrowser()
  server = await serve({ logLevel: 'silent' })
  road = await roadTo(Number(new URL(server.address).port))
})
afterAll(async () => {
  await browser?.close()
  await road?.close()
  await server?.end()
})

let context: BrowserContext
let tabs: Page[]
/** Addresses of the requests of all tabs, without the origin. */
let asked: string[]
let round = 0
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 900, height: 700 } })
  context.setDefaultTimeout(6000)
  asked = []
  context.on('request', (request) => asked.push(request.url().slice(road.address.length)))
  tabs = []
  round++
})
afterEach(() => context.close())

const streams = () => asked.filter((path) => path.startsWith('/events'))
const logReads = () => asked.filter((path) => path.startsWith('/predictions?'))

/** The first one leads. */
async function openTabs(count: number, before: (page: Page) => Promise<void> = async () => undefined): Promise<void> {
  const openTab = async (): Promise<Page> => {
    const page = await context.newPage()
    await before(page)
    await page.goto(`${road.address}/#/live?source=tabs${round}`)
    await page.locator('[role=status].tone-good').waitFor()
    return page
  }
  tabs = [await openTab()]
  tabs.push(...(await Promise.all(Array.from({ length: count - 1 }, openTab))))
}

async function predict(...texts: string[]): Promise<void> {
  for (const text of texts) {
    const { status } = await server.call('POST', '/predict', { text, source: `tabs${round}` })
    expect(status).toBe(200)
  }
}

/** The texts of each tab's list, newest first, in every tab the same. */
async function allShow(...texts: string[]): Promise<void> {
  for (const [i, tab] of tabs.entries()) {
    const shown = () =>
      tab
        .getByRole('listbox', { name: 'Predictions' })
        .getByRole('option')
        .evaluateAll((rows) =>
          rows
            .toSorted((a, b) => Number(a.getAttribute('aria-posinset')) - Number(b.getAttribute('aria-posinset')))
            .map((row) => row.textContent),
        )
    await soon(async () => {
      const rows = await shown()
      return { tab: i, rows: rows.length, found: texts.map((text, place) => rows[place]?.includes(text) ?? false) }
    }).toEqual({ tab: i, rows: texts.length, found: texts.map(() => true) })
  }
}

test('eight tabs are alive over one stream, everything else works in the last of them, and another leads when the first is closed', async () => {
  await openTabs(8)
  await predict('first coffee', 'second coffee')
  await allShow('second coffee', 'first coffee')
  expect(streams()).toEqual(['/events'])
  const last = tabs[7]
  await last.getByRole('link', { name: 'Models', exact: true }).click()
  await last.getByRole('heading', { name: 'Version 1' }).waitFor()
  await last.getByRole('link', { name: 'Try it', exact: true }).click()
  await last.getByRole('textbox', { name: 'Text to score' }).fill('lovely')
  await last.getByTestId('label').waitFor()

  const reads = logReads().length

  // The new one goes on after the last event that it saw: nothing is missed, read again or shown twice.
  await Promise.all([tabs.shift()?.close(), predict('third coffee', 'fourth coffee')])
  await predict('fifth coffee')
  tabs.pop() // It looks at another page.
  await allShow('fifth coffee', 'fourth coffee', 'third coffee', 'second coffee', 'first coffee')
  expect(streams()).toEqual(['/events', expect.stringMatching(/^\/events\?after=[0-9a-z]+-\d+$/)])
  expect(logReads()).toHaveLength(reads)
})

test('after a sleep, in which the connection died without a word, all tabs show what came meanwhile', async () => {
  await openTabs(2, (page) => page.clock.install())
  await predict('before the sleep')
  await allShow('before the sleep')
  road.swallow()
  await predict('during the sleep')
  for (const tab of tabs) await tab.clock.fastForward('10:00')
  await soon(() => streams().length).toBe(2)
  await predict('after the sleep')
  await allShow('after the sleep', 'during the sleep', 'before the sleep')
})

test('a new start of the server has every tab read the log again', async () => {
  await openTabs(2)
  await predict('before')
  await allShow('before')
  await server.stop()
  await soon(() => tabs[1].getByText('This page comes back by itself.').count()).toBe(1)
  server = await server.again()
  road.leadTo(Number(new URL(server.address).port))
  await predict('after')
  await allShow('after', 'before')
})

test('without Web Locks, as on a page without TLS, a lease in the local storage does the same', async () => {
  await context.addInitScript(() => {
    delete (Navigator.prototype as { locks?: unknown }).locks
  })
  await openTabs(3)
  expect(await tabs[0].evaluate(() => 'locks' in navigator)).toBe(false)
  await predict('one')
  await allShow('one')
  expect(streams()).toEqual(['/events'])
  await tabs.shift()?.close()
  await predict('two')
  await allShow('two', 'one')
})

/** A way to the server on which a connection can die without a word, as it does while a computer sleeps. */
interface Road {
  readonly address: string
  /** What goes over the connections that are there is lost from now on. */
  readonly swallow: () => void
  readonly leadTo: (port: number) => void
  readonly close: () => Promise<void>
}

async function roadTo(first: number): Promise<Road> {
  let port = first
  const pairs = new Set<readonly [Socket, Socket]>()
  const listener = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    near.pipe(far)
    far.pipe(near)
    for (const socket of pair)
      socket
        .on('error', () => undefined)
        .on('close', () => {
          pairs.delete(pair)
          for (const other of pair) other.destroy()
        })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port: own } = listener.address() as AddressInfo // listening on TCP
  return {
    address: `http://127.0.0.1:${own}`,
    swallow() {
      for (const [near, far] of pairs) {
        near.unpipe(far).resume()
        far.unpipe(near).resume()
      }
    },
    leadTo(next) {
      port = next
    },
    close() {
      for (const pair of pairs) for (const socket of pair) socket.destroy()
      return new Promise((resolve) => listener.close(() => resolve()))
    },
  }
}
