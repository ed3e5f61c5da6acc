export type Mood = 'calm' | 'uneasy' | 'away'

const FILES: Readonly<Record<Mood, string>> = {
  calm: '/favicon.svg',
  uneasy: '/favicon-uneasy.svg',
  away: '/favicon-away.svg',
}

/** The tab's icon: upright when all is well, hollow when the server is gone, leaning when predictions drift. */
export function showMood(mood: Mood): void {
  const link = document.getElementById('favicon')
  if (link instanceof HTMLLinkElement && !link.href.endsWith(FILES[mood])) link.href = FILES[mood]
}
