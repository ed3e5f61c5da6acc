/** What a shortcut is told of the key press; DOM events fit it. */
export interface Press {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly defaultPrevented: boolean
  readonly target: unknown
}

/** Whether a press is meant for the page and not for a field, a dialog or the browser. */
export function isShortcut(press: Press): boolean {
  if (press.defaultPrevented || press.ctrlKey || press.metaKey || press.altKey) return false
  const target = press.target as { closest?: (selector: string) => unknown } | null // The document has no closest().
  return !target?.closest?.('input, textarea, select, [contenteditable], dialog')
}
