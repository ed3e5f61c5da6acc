/** What the page remembers in this browser: choices only, never text and never a key. Storage may be forbidden. */
export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`barometer.${name}`)
  } catch {
    return null
  }
}

export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`barometer.${name}`)
    else localStorage.setItem(`barometer.${name}`, value)
  } catch {
    // The choice then lasts as long as the page.
  }
}
