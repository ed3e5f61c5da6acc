/** Line icons, 18 by 18; the button around them says what they do. */
import type { ReactNode } from 'react'

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 18 18"
      width="18"
      height="18"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  )
}

export const Sun = () => (
  <Icon>
    <circle cx="9" cy="9" r="3.2" />
    <path d="M9 1.8v1.6M9 14.6v1.6M1.8 9h1.6M14.6 9h1.6M3.9 3.9 5 5M13 13l1.1 1.1M14.1 3.9 13 5M5 13l-1.1 1.1" />
  </Icon>
)

export const Moon = () => (
  <Icon>
    <path d="M15 10.9A6.4 6.4 0 0 1 7.1 3a6.4 6.4 0 1 0 7.9 7.9Z" />
  </Icon>
)

export const HalfDisc = () => (
  <Icon>
    <circle cx="9" cy="9" r="6.4" />
    <path d="M9 2.6a6.4 6.4 0 0 1 0 12.8Z" fill="currentColor" stroke="none" />
  </Icon>
)

export const Logo = () => (
  <svg
    viewBox="0 0 32 32"
    width="26"
    height="26"
    fill="none"
    strokeLinecap="round"
    aria-hidden="true"
    className="tone-good shrink-0"
  >
    <circle cx="16" cy="16" r="13" stroke="var(--tone)" strokeWidth="2.6" />
    <path d="M16 16 22.5 9.5" stroke="var(--color-ink)" strokeWidth="2.6" />
    <circle cx="16" cy="16" r="2.6" fill="var(--color-ink)" />
  </svg>
)
