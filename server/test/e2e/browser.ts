/** A real Chromium, and a page in it that records what must not happen. */
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { expect } from 'vitest'

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** What is not there by then will not come. */
const WAIT_MS = 6000

/** What has to become so, as long as the browser itself would wait for it. */
export function soon<T>(look: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(look, { timeout: WAIT_MS, interval: 50 })
}

/** Where screenshots go, for people to look at. */
export const shots = process.env['SHOTS'] ?? mkdtempSync(join(tmpdir(), 'barometer-page-'))

export async function openBrowser(): Promise<Browser> {
  const dist = fileURLToPath(new URL('../../../web/dist/index.html', import.meta.url))
  if (!existsSync(dist)) throw new Error('The page is not built: run `npm run build` first.')
  return chromium.launch({ executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium', args: FLAGS })
}

export interface Watched {
  readonly page: Page
  /** Requests that left the server's origin. */
  readonly strays: string[]
  /** Errors of the console and of scripts; a refused policy is one too. */
  readonly errors: string[]
  /** Sum of the layout shifts so far that no input caused (CLS without windows). */
  readonly shifted: () => Promise<number>
  readonly close: () => Promise<void>
}

export async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  context.setDefaultTimeout(WAIT_MS)
  const page = await context.newPage()
  const strays: string[] = []
  const errors: string[] = []
  page.on('request', (request) => {
    if (!request.url().startsWith(`${address}/`)) strays.push(request.url())
  })
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.addInitScript(() => {
    const shifts = { sum: 0 }
    Object.assign(window, { shifts })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[])
        if (!entry.hadRecentInput) shifts.sum += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
  })
  await page.goto(`${address}/`)
  return {
    page,
    strays,
    errors,
    shifted: () => page.evaluate(() => (window as unknown as { shifts: { sum: number } }).shifts.sum), // Set above.
    close: () => context.close(),
  }
}

export interface Pale {
  readonly text: string
  readonly ratio: number
  readonly needed: number
}

/**
 * Texts whose contrast is below WCAG 2.2 AA (1.4.3): 4.5 : 1, or 3 : 1 from 24 px (18.66 px bold).
 * Backgrounds are blended down to the page; disabled controls are exempt.
 */
export function pale(page: Page): Promise<Pale[]> {
  return page.evaluate(() => {
    type Rgba = readonly [number, number, number, number]
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 1
    const pen = canvas.getContext('2d', { willReadFrequently: true })
    if (!pen) throw new Error('no canvas')
    const known = new Map<string, Rgba>()
    const rgba = (colour: string): Rgba => {
      const seen = known.get(colour)
      if (seen) return seen
      pen.clearRect(0, 0, 1, 1)
      pen.fillStyle = colour
      pen.fillRect(0, 0, 1, 1)
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data
      const made: Rgba = [r, g, b, a / 255]
      known.set(colour, made)
      return made
    }
    const over = (top: Rgba, below: Rgba): Rgba => {
      const mix = (i: 0 | 1 | 2): number => top[i] * top[3] + below[i] * (1 - top[3])
      return [mix(0), mix(1), mix(2), 1]
    }
    const luminance = (colour: Rgba): number => {
      const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const behind = (element: Element | null): Rgba =>
      element === null
        ? [255, 255, 255, 1]
        : over(rgba(getComputedStyle(element).backgroundColor), behind(element.parentElement))
    const found: { text: string; ratio: number; needed: number }[] = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.textContent?.trim() ?? ''
      const element = node.parentElement
      if (text === '' || text === '\u200b' || !element || element.closest('textarea, :disabled, .sr-only')) continue
      if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
      const style = getComputedStyle(element)
      const back = behind(element)
      const ink = over(rgba(style.color), back)
      const [light, dark] = [luminance(ink), luminance(back)].sort((a, b) => b - a)
      const ratio = (light + 0.05) / (dark + 0.05)
      const size = Number.parseFloat(style.fontSize)
      const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5
      if (ratio < needed) found.push({ text: text.slice(0, 60), ratio: Math.round(ratio * 100) / 100, needed })
    }
    return found
  })
}

/** What a screen reader would stumble over: controls without a name, fields without a label, ids twice, no page title. */
export function nameless(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = []
    for (const element of document.querySelectorAll(
      'button, a[href], summary, [role="slider"], [role="listbox"], nav, section[aria-label]',
    ))
      if (
        ![element.getAttribute('aria-label'), element.textContent, element.getAttribute('title')].some((name) =>
          name?.trim(),
        )
      )
        found.push(`no name: ${element.outerHTML.slice(0, 80)}`)
    for (const field of document.querySelectorAll<HTMLInputElement>('input, select, textarea'))
      if (!field.getAttribute('aria-label') && !field.labels?.length)
        found.push(`no label: ${field.outerHTML.slice(0, 80)}`)
    for (const image of document.querySelectorAll('svg:not([aria-hidden="true"]), img:not([alt])'))
      if (!image.closest('[role="img"]')) found.push(`no alternative: ${image.outerHTML.slice(0, 80)}`)
    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id)
    for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) found.push(`id twice: ${id}`)
    for (const element of document.querySelectorAll('[aria-labelledby], [aria-describedby], [aria-activedescendant]'))
      for (const name of ['aria-labelledby', 'aria-describedby', 'aria-activedescendant'])
        for (const id of element.getAttribute(name)?.split(' ') ?? [])
          if (id && !ids.includes(id)) found.push(`${name} leads nowhere: ${id}`)
    const headings = document.querySelectorAll('h1').length
    if (headings !== 1) found.push(`${headings} first headings`)
    if (document.title === '') found.push('no title')
    if (document.documentElement.lang === '') found.push('no language')
    return found
  })
}

/** How far the page is wider than its window, in pixels: more than 0 means that it scrolls sideways. */
export function sideways(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
}

/** What axe calls serious or critical on the page as it is: the rule, and the element. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    const { axe: inPage } = window as unknown as { axe: typeof axe } // its source has just run there
    const { violations } = await inPage.run(document, { resultTypes: ['violations'] })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
  })
}
