import { isIP } from 'node:net'

/** Where a load goes. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly tls: boolean
  /** Host and port as the Host header says them. */
  readonly authority: string
  /** What stands before /predict: empty, or the path under which a proxy serves the API; no slash at its end. */
  readonly path: string
  /** True when the address can only be this machine. */
  readonly loopback: boolean
}

/** @returns null for what is no http or https address, or carries a user name (keys go into headers). */
export function targetOf(address: string): Target | null {
  const url = URL.parse(address)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '') return null
  const tls = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return {
    host,
    port: url.port === '' ? (tls ? 443 : 80) : Number(url.port),
    tls,
    authority: url.host,
    path: url.pathname.replace(/\/+$/, ''),
    loopback: isLoopback(host),
  }
}

/** 127.0.0.0/8 (RFC 1122, 3.2.1.3), ::1 (RFC 4291, 2.5.3) and localhost with its subdomains (RFC 6761, 6.3). */
function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.')
  return host === '::1' || host === 'localhost' || host.endsWith('.localhost')
}
