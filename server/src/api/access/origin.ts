/** Which host names and which pages may use this server. */

/** `localhost`, `*.localhost` (RFC 6761, 6.3), 127.0.0.0/8 and ::1, with or without a port. */
export function isLoopbackHost(host: string): boolean {
  const name = hostName(host)
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '[::1]' ||
    name === '::1' ||
    /^127(?:\.\d{1,3}){3}$/.test(name)
  )
}

/** True for an address to listen on that only this machine reaches. */
export function isLoopbackAddress(address: string): boolean {
  return isLoopbackHost(address.includes(':') ? `[${address.replace(/^\[|\]$/g, '')}]` : address)
}

/** Lower-case name of a Host header, without port and final dot; IPv6 addresses keep their brackets. */
export function hostName(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':')
  const name = (end > 0 ? host.slice(0, end) : host).toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/** Distinct Host headers whose verdict is cached. */
const HOSTS_MAX = 1000

/**
 * Says whether the server answers to a Host header: loopback names and those in `allowed`. This is what keeps a foreign
 * page from reaching an open server by a name of its own that it lets point to 127.0.0.1 (DNS rebinding).
 */
export function hostGuard(allowed: readonly string[]): (host: string | undefined) => boolean {
  const names = new Set(allowed.map(hostName))
  const seen = new Map<string, boolean>()
  return (host) => {
    if (host === undefined) return false
    const known = seen.get(host)
    if (known !== undefined) return known
    const answer = isLoopbackHost(host) || names.has(hostName(host))
    if (seen.size >= HOSTS_MAX) seen.clear()
    seen.set(host, answer)
    return answer
  }
}

/** The headers by which a browser says where a request comes from (Fetch Metadata, W3C); pages cannot forge them. */
export interface OriginHeaders {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly 'sec-fetch-site'?: string | string[] | undefined
  readonly 'sec-fetch-mode'?: string | string[] | undefined
}

/**
 * True when the request comes from no page of another origin: from this server's own page, from a page in `allowed`, from
 * a person who follows a link, or from a program that is no browser.
 */
export function isOwnOrigin(headers: OriginHeaders, unsafe: boolean, allowed: ReadonlySet<string>): boolean {
  const { origin } = headers
  if (origin !== undefined && allowed.has(origin)) return true
  const site = headers['sec-fetch-site']
  if (site !== undefined) {
    if (site === 'same-origin' || site === 'none') return true
    return !unsafe && headers['sec-fetch-mode'] === 'navigate'
  }
  // Browsers from before 2020 (and plain-HTTP pages of another host) send Origin alone.
  return origin === undefined || sameHost(origin, headers.host)
}

function sameHost(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
}
