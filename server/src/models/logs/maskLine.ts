/**
 * A log line with its variable parts put out of sight, so that lines of one template meet.
 *
 * Every replacement is as long as what it replaces (a class name, filled up with spaces), so an offset into the
 * masked line is an offset into the line as it was sent, and explanations stay exact.
 *
 * | in the line                                              | becomes                       |
 * |----------------------------------------------------------|-------------------------------|
 * | a number that is zero                                    | `0`: "0 errors" is good news  |
 * | any other number, `[dec]` `%d` `[UINT32]`                | `1`                           |
 * | a UUID, a MAC address, 0x… or 8 and more hexadecimals    | `hex`                         |
 * | an IPv4 or IPv6 address, with or without port            | `ip`                          |
 * | a path with two parts or more                            | `path`                        |
 * | a time or date                                           | nothing                       |
 * | `[chars]` `[STRING]` `%s` `<*>` `{}`                     | nothing                       |
 * | an HTTP status after a quoted request, `status=503` (2)  | `2xx` `3xx` `4xx` `5xx`       |
 * | a URL, a target with a query or behind an HTTP method (2) | `path`                       |
 *
 * (2): since the second reading of lines.
 */
export function maskLine(line: string, reading: 1 | 2 = 2): string {
  const { kinds, pattern } = reading === 1 || !MARK.test(line) ? FIRST : SECOND
  return line.replace(pattern, (found, ...groups: unknown[]) => {
    const kind = kinds.findIndex((_, i) => groups[i] !== undefined)
    return kinds[kind].mask(found).padEnd(found.length)
  })
}

interface Kind {
  readonly pattern: string
  /** At most as long as what was found. */
  readonly mask: (found: string) => string
}

const octet = '\\d{1,3}'
const hex = '[0-9a-fA-F]'

/** In order of precedence. None of the patterns has a group of its own, none can backtrack over more than one part. */
const KINDS: readonly Kind[] = [
  // HTTP status: the two characters `" ` before it are kept by the look-behind.
  { pattern: '(?<=" )[1-5]\\d\\d(?=\\s)', mask: (found) => `${found[0]}xx` },
  { pattern: `\\b${hex}{8}-${hex}{4}-${hex}{4}-${hex}{4}-${hex}{12}\\b`, mask: () => 'hex' },
  { pattern: `\\b(?:${hex}{2}[:-]){5}${hex}{2}\\b|\\b${hex}{4}\\.${hex}{4}\\.${hex}{4}\\b`, mask: () => 'hex' },
  {
    pattern:
      '\\b\\d{4}[-/.]\\d\\d[-/.]\\d\\d(?:[T \\-_]\\d\\d[:.]\\d\\d[:.]\\d\\d(?:[.,]\\d{1,9})?)?(?:Z|[+-]\\d\\d:?\\d\\d)?\\b' +
      '|\\b\\d{1,2}:\\d\\d:\\d\\d(?:[.,:]\\d{1,9})?\\b' +
      '|\\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\\d{1,2}\\b' +
      '|\\b\\d{1,2}/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\\d{4}\\b',
    mask: () => '',
  },
  { pattern: `\\b${octet}\\.${octet}\\.${octet}\\.${octet}(?::\\d{1,5}|/\\d{1,2})?\\b`, mask: () => 'ip' },
  { pattern: `(?<![\\w:.])${hex}{0,4}(?=:[\\d:a-fA-F]*[:\\d])(?::${hex}{0,4}){2,7}(?![\\w:])`, mask: () => 'ip' },
  { pattern: `\\b0[xX]${hex}+\\b|\\b(?=${hex}*\\d)(?=${hex}*[a-fA-F])${hex}{8,}\\b`, mask: () => 'hex' },
  {
    pattern:
      '\\[(?:[dD]ec|[hH]e[xc]|[fF]loat|(?:u?int|UINT|INT|[iI]nteger|INTEGER|U?LONG|USHORT|GAUGE|gauge)\\d{0,2}|number|DWORD)\\]|%[-+#0]*\\d*l{0,2}[diuxX]\\b|\\{\\d+\\}',
    mask: () => '1',
  },
  {
    pattern:
      '\\[(?:[cC]hars?|CHAR|[sS]tring|STRING\\d?|enet|enum|time|date|inet|[oO]id|OID|OCTET|octet|OPAQUE|ip_?addr(?:ess)?|IPADDR|mac|MAC|text)\\]|(?<==)\\[[\\w-]{1,60}\\]|\\[[a-z]{1,30}(?:[-_][a-z]{1,30}){1,4}\\]|%[-+#0]*\\d*(?:\\.\\d+)?[scpf]\\b|<\\*>|\\{\\}',
    mask: () => '',
  },
  { pattern: '(?<![\\w.:/])(?:/[\\w.@%+=-]{1,60}){2,12}/?', mask: () => 'path' },
  { pattern: '(?<![\\w.])0+(?:\\.0+)?(?![\\w.])', mask: () => '0' },
  { pattern: '(?<![A-Za-z_])\\d+(?:[.,]\\d+)*(?![A-Za-z_])', mask: () => '1' },
]

const SINCE_SECOND: readonly Kind[] = [
  // status=503 · "status_code": 200
  {
    pattern: '(?<=\\b(?:[sS]tatus|code)(?:_?[cC]ode)?"?[=:] ?"?)[1-5]\\d\\d(?![\\w.])',
    mask: (found) => `${found[0]}xx`,
  },
  { pattern: `\\b[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\\s"'<>]+`, mask: () => 'path' },
  {
    pattern: '(?<="(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS) )[^\\s"]+|(?<=^|[\\s"\'=])/[^\\s"?]{0,300}\\?[^\\s"]*',
    mask: (found) => (found.length < 4 ? '' : 'path'),
  },
]

/** What every kind since the second reading has in it; most lines have none of it, and are masked by fewer patterns. */
const MARK = /:\/\/|\?|"[A-Z]{3,7} \S|tatus|[cC]ode/

const FIRST = { kinds: KINDS, pattern: compiled(KINDS) }
const SECOND = { kinds: [...SINCE_SECOND, ...KINDS], pattern: compiled([...SINCE_SECOND, ...KINDS]) }

function compiled(kinds: readonly Kind[]): RegExp {
  return new RegExp(kinds.map(({ pattern }) => `(${pattern})`).join('|'), 'g')
}
