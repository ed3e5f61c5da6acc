import type { ComponentProps } from 'react'

const LOOKS = {
  plain: 'border-line bg-panel text-ink hover:border-edge',
  main: 'border-accent bg-accent text-on-accent hover:brightness-110',
  bare: 'border-transparent text-soft hover:bg-well hover:text-ink',
} as const

interface Props extends ComponentProps<'button'> {
  readonly look?: keyof typeof LOOKS
}

export function Button({ look = 'plain', className = '', ...rest }: Props) {
  return (
    <button
      type="button"
      className={`inline-flex min-h-9 items-center justify-center gap-2 rounded-lg border px-3 text-sm whitespace-nowrap transition-colors disabled:opacity-50 ${LOOKS[look]} ${className}`}
      {...rest}
    />
  )
}

/** A key as it is printed on the keyboard. A hint beside a control is left out where there is a touch screen instead. */
export function Key({ children, hint = false }: { children: string; hint?: boolean }) {
  return (
    <kbd
      className={`inline-block min-w-5 rounded border border-line bg-well px-1 text-center font-mono text-xs leading-5 text-soft ${hint ? 'pointer-coarse:hidden' : ''}`}
    >
      {children}
    </kbd>
  )
}
