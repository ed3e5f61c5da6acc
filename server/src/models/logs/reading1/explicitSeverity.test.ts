import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { explicitSeverity } from './explicitSeverity.ts'

/** What the line states, and the words that say so. */
function stated(line: string): string {
  const found = explicitSeverity(line)
  return found === null
    ? 'nothing'
    : `${['info', 'warning', 'critical'][found.severity]}: ${line.slice(found.start, found.end)}`
}

describe('a line states its severity in a field of its format', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['%LINK-3-UPDOWN: Interface GigabitEthernet0/1, changed state to down', 'critical: %LINK-3-UPDOWN'],
    ['*Mar  1 18:46:11: %SYS-5-CONFIG_I: Configured from console by vty2', 'info: %SYS-5-CONFIG_I'],
    ['%PLATFORM_ENV-SP-1-FAN: Faulty fan detected', 'critical: %PLATFORM_ENV-SP-1-FAN'],
    ['<164>%ASA-4-106023: Deny tcp src outside:1.2.3.4/80', 'warning: %ASA-4-106023'],
    [
      'Aug 5 2008 05:58:36 Quidway %%01IFNET/4/LINK_STATE(l)[0]: The line protocol has entered DOWN',
      'warning: %%01IFNET/4/LINK_STATE',
    ],
    ['%Jun 26 17:08:35:809 2008 Sysname SHELL/5/SHELL_LOGIN: VTY logged in', 'info: SHELL/5/SHELL_LOGIN'],
    ['time="2026-01-02T03:04:05Z" level=error msg="connection refused"', 'critical: level=error'],
    ['{"ts":1,"level":"warn","msg":"slow"}', 'warning: "level":"warn"'],
    ['{"severity": "ERROR", "message": "x"}', 'critical: "severity": "ERROR"'],
    ['{"level":50,"time":1,"msg":"x"}', 'critical: "level":50'],
    ['{"PRIORITY":"4","MESSAGE":"x"}', 'warning: "PRIORITY":"4"'],
    ['03-17 16:13:38.811  1702  2395 W ActivityManager: slow', 'warning: 03-17 16:13:38.811  1702  2395 W'],
    ['E/AndroidRuntime( 123): FATAL', 'critical: E/AndroidRuntime( 123):'],
    ['E0115 12:34:56.789012       1 reflector.go:126] Failed to list', 'critical: E0115 12:34:56.789012'],
    [
      '1:M 12 Nov 2019 08:11:31.066 # WARNING overcommit_memory is set to 0!',
      'warning: 1:M 12 Nov 2019 08:11:31.066 #',
    ],
    ['Thu Jan  1 00:00:00 2026 daemon.err dnsmasq[1]: failed to create listening socket', 'critical: daemon.err'],
    ['system,error,critical login failure for user admin', 'critical: system,error,critical'],
    ['2026/01/02 03:04:05 [error] 123#123: *1 open() failed', 'critical: [error]'],
    ['[Sun Dec 04 04:51:18 2005] [core:warn] x', 'warning: [core:warn]'],
    ['NetworkManager[1]: <info>  [1.2] device (eth0): state change', 'info: <info>'],
    ['[    12.345] (EE) Failed to load module', 'critical: (EE)'],
    ['[E] cannot open file', 'critical: [E]'],
    ['2015-10-18 18:01:50,509 INFO [main] org.apache.hadoop.X: ok', 'info: INFO'],
    ['2026-01-02 03:04:05.678 UTC [123] ERROR:  relation "x" does not exist', 'critical: ERROR'],
    ['2026-01-02 03:04:05.678 UTC [123] LOG:  checkpoint starting: time', 'info: LOG'],
    ['2016-09-28 04:30:31, Info                  CBS    Starting', 'info: Info'],
    ['warn: Microsoft.AspNetCore[3] x', 'warning: warn'],
    ['error: could not open /dev/sda', 'critical: error'],
    ['app[12]: Warning: the certificate expires in 3 days', 'warning: Warning'],
    ['Kernel panic - not syncing: Fatal exception', 'critical: Kernel panic'],
    ['<11>Oct 11 22:14:15 host app: it stopped', 'critical: <11>'],
    ['<14>Oct 11 22:14:15 host app: level=error it stopped', 'critical: level=error'],
  ]
  test.each(cases)('%s', (line, expected) => {
    expect(stated(line)).toBe(expected)
  })
})

describe('prose states nothing, however grave its words', () => {
  test.each([
    'error_count=0',
    'errors: 0, warnings: 0',
    'no errors',
    'No ERROR found',
    '0 failed, 12 passed',
    '0 ERROR',
    'the log level is WARN',
    'Setting log level to DEBUG',
    'loglevel=3 quiet splash',
    'finished without error',
    'error: none',
    'errorHandler registered',
    'Node card status: ALERT 0, ALERT 1 is (are) active.',
    'GET /error/info HTTP/1.1',
    'the user opened warning.html',
    'Information about the critical path',
    'INFORMATION_SCHEMA was read',
    '<999>not a priority',
    '{"error":null}',
    'level=7',
    'severity: unknown',
    '',
  ])('%s', (line) => {
    expect(stated(line)).toBe('nothing')
  })
})

test('what is found lies in the line, whatever the line is, and a long one takes no longer than its head', () => {
  const piece = fc.constantFrom(
    'ERROR',
    'level=',
    '"',
    '<',
    '13>',
    '%',
    '-3-',
    'A',
    '[',
    ']',
    'warn',
    ' ',
    ':',
    '12:00:00',
    '\ud800',
    '😀',
    '0',
    '/',
    '(',
    'E',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece).map((parts) => parts.join('')),
        fc.string({ unit: 'binary' }),
      ),
      (line) => {
        const found = explicitSeverity(line)
        if (found === null) return
        expect(found.start).toBeGreaterThanOrEqual(0)
        expect(found.end).toBeGreaterThan(found.start)
        expect(found.end).toBeLessThanOrEqual(line.length)
        // What follows the first 400 units never matters.
        expect(explicitSeverity(line.slice(0, 400))).toEqual(found)
      },
    ),
  )
  for (const nasty of [
    '%A'.repeat(50_000),
    '-A'.repeat(50_000),
    'a,'.repeat(50_000),
    '['.repeat(100_000),
    '1'.repeat(100_000),
  ]) {
    const started = performance.now()
    explicitSeverity(nasty)
    expect(performance.now() - started).toBeLessThan(500)
  }
})
