import type { ComponentProps, ReactNode } from 'react'

const BOX = 'h-9 w-full min-w-0 rounded-lg border border-edge/60 bg-panel px-2.5 text-sm text-ink hover:border-edge'

/** A label above its field. */
export function Field({ name, children, className = '' }: { name: string; children: ReactNode; className?: string }) {
  return (
    <label className={`grid min-w-0 gap-1 text-xs text-soft ${className}`}>
      {name}
      {children}
    </label>
  )
}

export function Input(props: ComponentProps<'input'>) {
  return <input className={BOX} autoComplete="off" spellCheck={false} {...props} />
}

export function Select(props: ComponentProps<'select'>) {
  return <select className={BOX} {...props} />
}
