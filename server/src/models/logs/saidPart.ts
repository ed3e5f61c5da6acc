/**
 * What speaks in a line, masked, with all the rest blanked: as long as the line was, so that places stay. Good news is
 * blanked, too, and told apart.
 */
import { goodNews } from './goodNews.ts'
import type { LogLine, Span } from './logLine.ts'
import { maskLine } from './maskLine.ts'

export function saidPart(line: string, { said }: LogLine): { words: string; news: readonly Span[] } {
  let words = ''
  let news: Span[] = []
  for (const { start, end } of said) {
    const text = line.slice(start, end)
    const good = goodNews(text)
    words += ' '.repeat(start - words.length) + (good.length === 0 ? maskLine(text) : maskAround(text, good))
    if (good.length > 0) news = [...news, ...good.map((span) => ({ start: start + span.start, end: start + span.end }))]
  }
  return { words: words + ' '.repeat(line.length - words.length), news }
}

function maskAround(text: string, good: readonly Span[]): string {
  let blanked = ''
  for (const { start, end } of good) blanked += text.slice(blanked.length, start) + ' '.repeat(end - start)
  return maskLine(blanked + text.slice(blanked.length))
}
