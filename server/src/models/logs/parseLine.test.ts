import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LogLine } from './logLine.ts'
import { parseLine } from './parseLine.ts'

/** `format severity`, or `format nothing`. */
function stated(line: string): string {
  const { format, stated } = parseLine(line)
  return `${format} ${stated === null ? 'nothing' : ['info', 'warning', 'critical'][stated.severity]}`
}

describe('each format states its severity where its format says', () => {
  test.each([
    // JSON: the object's own keys.
    ['json critical', '{"time":"2026-01-02T03:04:05Z","level":"error","msg":"db gone"}'],
    ['json warning', '{"msg":"slow","severity":"WARNING","logging.googleapis.com/trace":"x"}'],
    ['json info', '{"level":30,"time":1767322800000,"pid":1,"hostname":"a","msg":"error in level=error"}'],
    ['json critical', '{"levelno":40,"name":"root","message":"x"}'],
    ['json warning', '{"levelno":30,"name":"root","message":"x"}'],
    ['json info', '{"@timestamp":"2026-01-02T03:04:05Z","log.level":"INFO","message":"failed: 0"}'],
    ['json critical', '{"log":{"level":"error","logger":"x"},"message":"y"}'],
    ['json critical', '{"@t":"2026-01-02T03:04:05Z","@mt":"x","@l":"Fatal"}'],
    ['json warning', '{"version":"1.1","host":"a","short_message":"x","level":4}'],
    ['json critical', '{"PRIORITY":"3","_HOSTNAME":"nas","MESSAGE":"x"}'],
    ['json warning', '{"message":"x","context":{"level":"error"},"level":300,"level_name":"WARNING","channel":"app"}'],
    ['json critical', '{"severityNumber":17,"body":"x"}'],
    ['json critical', "{'level': 'error', 'msg': 'x'}"],
    ['json warning', '{"msg":"the line was cut short","level":"warn","trace":"aaaaaaaa'],
    ['json nothing', '{"msg":"level=error","url":"/x?level=error","body":{"level":"error"}}'],
    ['json nothing', '{"event":"signup","data":{"severity":"critical"},"list":[{"level":"error"}]}'],
    ['json nothing', '{"error":null,"failed":false,"level":null}'],
    ['json nothing', '{"msg":"\\"level\\":\\"error\\""}'],
    [
      'mongo warning',
      '{"t":{"$date":"2026-01-02T03:04:05.678+00:00"},"s":"W","c":"STORAGE","id":1,"ctx":"x","msg":"y"}',
    ],
    [
      'mongo info',
      '{"t":{"$date":"2026-01-02T03:04:05.678+00:00"},"s":"I","c":"NETWORK","id":1,"ctx":"x","msg":"error"}',
    ],
    ['mongo critical', '2014-11-03T18:28:32.450-0500 E STORAGE  [initandlisten] x'],
    // logfmt
    ['logfmt critical', 'time="2026-01-02T03:04:05Z" level=error msg="connection refused"'],
    ['logfmt info', 'ts=2026-01-02T03:04:05Z lvl=info msg="level=error was set" err=<nil>'],
    ['logfmt critical', 'lvl=eror msg="it \\"level=info\\" failed" x=1'],
    ['logfmt warning', 'date=2026-01-02 time=03:04:05 devname="fw" logid="01" type="event" level="warning" msg="x"'],
    ['logfmt info', 'app level=info method=GET path=/x?level=error'],
    ['logfmt info', 'method=GET path=/x?level=error&severity=critical status=200'],
    ['logfmt nothing', 'path=/x?level=error&severity=critical ms=200'],
    ['json warning', '{"method":"GET","path":"/x?level=info","status":503}'],
    ['json nothing', '{"job":"x","status":503}'],
    ['json nothing', '{"method":"GET","status":200,"error":"the answer was cut short"}'],
    ['json critical', '{"EventID":7,"Level":2,"Message":"x"}'],
    ['json info', '{"EventID":7036,"Level":4,"Message":"x"}'],
    ['json warning', '{"level":"\\u0077arn"}'],
    ['table info', '1,2026/01/02 03:04:05,0011,THREAT,end,10.0.0.1,informational,x'],
    ['text info', '▸ INFO started'],
    ['text warning', '2026-01-02 WARN3 boot'],
    ['text warning', 'Warning  BackOff  2m  kubelet  restarting'],
    ['text critical', '2026-01-02 03:04:05 Error it broke'],
    [
      'access info',
      'h2 2026-01-02T03:04:05Z app/lb 10.0.0.1:5 10.0.0.2:80 0.0 0.0 0.0 200 200 34 366 "GET https://h/?level=error HTTP/2.0"',
    ],
    ['logfmt nothing', 'msg="set level=error" user=anna'],
    ['logfmt nothing', 'error=null failed=false retries=0'],
    ['text nothing', 'the user asked for level=error in the search'],
    ['text nothing', 'connected to level=debug'],
    // syslog: what the application says is preferred to the priority.
    ['syslog critical', '<11>Oct 11 22:14:15 host app[12]: it stopped'],
    ['syslog info', '<165>1 2026-01-02T03:04:05.678Z host app 123 ID47 [a@1 k="level=error ]"] An event'],
    ['syslog warning', '<12>1 2026-01-02T03:04:05Z host app - - - a message'],
    ['json critical', '<14>1 2026-01-02T03:04:05Z host app - - - {"level":"error","msg":"x"}'],
    ['logfmt warning', '<30>Oct 11 22:14:15 host dockerd[1]: time="x" level=warning msg="y"'],
    ['syslog critical', 'Thu Jan  1 00:00:00 2026 daemon.err dnsmasq[1]: failed to create a socket'],
    ['syslog nothing', 'Nov 20 10:00:00 nas sshd[1021]: Accepted publickey for anna'],
    ['syslog warning', 'Nov 20 10:00:00 mail postfix/smtpd[12]: warning: hostname x does not resolve'],
    ['syslog critical', 'Nov 20 10:00:00 nas git[12]: error: could not lock config file'],
    ['text nothing', '<999>not a priority'],
    // access logs state a status, and nothing that the client wrote
    ['access info', '10.0.0.1 - - [20/Nov/2026:10:00:00 +0000] "GET /error?level=critical HTTP/1.1" 200 12 "-" "x"'],
    ['access warning', '10.0.0.1 - bob [20/Nov/2026:10:00:00 +0000] "POST /WARN/ERROR HTTP/2.0" 500 0'],
    // glog, klog
    ['klog critical', 'E0115 12:34:56.789012       1 reflector.go:126] Failed to list'],
    ['klog warning', 'W20260115 12:34:56.789012  1234 file.cc:12] INFO: x'],
    ['klog info', '2026-01-15T12:34:56.789012345Z stderr F I0115 12:34:56.789012 1 main.go:1] error: none'],
    // ESXi
    ['esxi warning', '2026-01-02T03:04:05.678Z warning hostd[2099] [Originator@6876 sub=Vimsvc] Refresh failed'],
    ['esxi info', '2026-01-02T03:04:05.678Z In(182) vmkernel: cpu3:2098)error in the name of a thing'],
    ['esxi critical', '2026-01-02T03:04:05.678Z Er(179) hostd[12]: x'],
    ['esxi warning', '2026-01-02T03:04:05.678Z cpu3:2098)WARNING: ScsiDevice: x'],
    ['esxi critical', '2026-01-02T03:04:05.678Z Al(177) vmkalert: cpu1:2)ALERT: hardware error'],
    // Windows
    ['windows critical', 'Error,11/20/2026 3:04:05 PM,Service Control Manager,7031,None,"The service stopped"'],
    ['windows info', 'Information\t11/20/2026 3:04:05 PM\tService Control Manager\t7036\tNone\tan error was mended'],
    ['windows warning', 'Log Name: System Source: disk Event ID: 153 Level: Warning Description: The IO was retried'],
    ['windows critical', "<Event xmlns='http://x'><System><EventID>7</EventID><Level>2</Level></System></Event>"],
    [
      'windows info',
      '<Event xmlns="x"><System><EventID>7</EventID><Level>4</Level></System><EventData>error</EventData></Event>',
    ],
    ['windows warning', 'MSWinEventLog\t1\tSystem\t123\tMon Jan 01 00:00:00 2026\t7\tdisk\tN/A\tN/A\tWarning\tpc\t\tx'],
    // devices, CEF, logcat, redis
    ['device critical', '*Mar  1 18:46:11: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down'],
    ['device warning', 'Aug 5 2026 05:58:36 sw %%01IFNET/4/LINK_STATE(l)[0]: DOWN'],
    ['device info', '%Jun 26 17:08:35:809 2026 sw SHELL/5/SHELL_LOGIN: logged in'],
    ['device critical', 'system,error,critical login failure for user admin'],
    ['device info', 'interface,info ether1 link up'],
    ['cef critical', 'CEF:0|A|B|1.0|100|worm stopped|10|src=10.0.0.1 msg=x'],
    ['cef info', 'CEF:0|A|B|1.0|100|level=error|2|src=10.0.0.1'],
    ['logcat warning', '03-17 16:13:38.811  1702  2395 W ActivityManager: ERROR'],
    ['redis warning', '1:M 12 Nov 2026 08:11:31.066 # overcommit_memory is 0!'],
    // headers of programs
    ['text critical', '2026-01-02 03:04:05,678 ERROR [main] com.x.Y - it broke'],
    ['text info', '03:04:05.678 [main] INFO  com.x.Y - ERROR in the name'],
    ['text warning', '2026-01-02 03:04:05.678  WARN 1234 --- [main] c.x.App : x'],
    ['text critical', '2026-01-02 03:04:05,678 - root - ERROR - it broke'],
    ['text warning', 'WARNING:root:low on disk'],
    ['text critical', 'ERROR:    Exception in ASGI application'],
    ['text info', 'INFO:     10.0.0.1:5000 - "GET /error HTTP/1.1" 500 Internal Server Error'],
    ['text critical', '[2026-01-02T03:04:05Z ERROR my_crate::db] it broke'],
    ['text info', '2026-01-02T03:04:05.678901Z  INFO my_app: WARN is a word'],
    ['text critical', 'E, [2026-01-02T03:04:05.678 #12] ERROR -- : it broke'],
    ['text critical', '[2026-01-02 03:04:05] production.ERROR: it broke {"exception":"x"}'],
    ['text warning', '[02-Jan-2026 03:04:05 UTC] PHP Warning:  Undefined variable'],
    ['text critical', 'PHP Fatal error:  Uncaught TypeError'],
    ['text critical', '2026/01/02 03:04:05 [error] 123#123: *1 open() failed'],
    ['text warning', '[Sun Dec 04 04:51:18 2026] [core:warn] [pid 1] x'],
    ['text warning', '2026-01-02T03:04:05.678901Z 0 [Warning] [MY-010068] [Server] CA certificate is self signed'],
    ['text info', '2026-01-02  3:04:05 0 [Note] InnoDB: log'],
    ['text critical', '2026-01-02 03:04:05.678 UTC [77] anna@shop ERROR:  relation "x" does not exist'],
    ['text info', '2026-01-02 03:04:05.678 UTC [77] LOG:  checkpoint starting: time'],
    ['text warning', '[2026-01-02T03:04:05,678][WARN ][o.e.m.j.Gc] [node] overhead'],
    ['text critical', '2026-01-02T03:04:05.678Z\terror\tcmd/main.go:12\tit broke'],
    ['text warning', '2026-01-02T03:04:05Z WRN slow query error=null'],
    ['text info', '2026-01-02T03:04:05Z INF started'],
    ['text critical', '2026-01-02T03:04:05Z E! [outputs.influxdb] it broke'],
    ['text warning', '2026-01-02T03:04:05.678Z|00012|bridge|WARN|could not open'],
    ['text critical', '[2026-01-02 03:04:05,678: ERROR/MainProcess] Task failed'],
    ['text info', '[2026-01-02 03:04:05.678][1][info][config] [source/x.cc:1] all dependencies loaded'],
    ['text warning', '\u001b[33mWARN\u001b[0m disk is nearly full'],
    ['text critical', '"2026-01-02 03:04:05","ERROR","it broke"'],
    ['text critical', 'src/a.c:12:3: error: expected ;'],
    ['text critical', '[FAILED] Failed to start the service'],
    ['text info', '[  OK  ] Started the service'],
    ['text critical', 'fail: Microsoft.AspNetCore[3] x'],
    // stack traces
    ['trace critical', 'Exception in thread "worker-1" java.lang.IllegalStateException: closed'],
    ['trace critical', '\tat com.acme.billing.Invoice.post(Invoice.java:112)'],
    ['trace critical', 'Traceback (most recent call last):'],
    ['trace critical', '  File "/srv/app.py", line 12, in main'],
    ['text nothing', 'at 10:00 the job ran (twice)'],
    // sentences
    ['text nothing', 'no ERROR found'],
    ['text nothing', '3 ERROR records were read'],
    ['text nothing', 'Received the ERROR frame from the peer'],
    ['text nothing', 'the log level is WARN'],
    ['text nothing', 'GET /error/info HTTP/1.1'],
    ['text nothing', 'errors: 0, warnings: 0'],
    ['text nothing', 'error: none'],
    ['text nothing', 'ERROR COUNT 0'],
    ['text nothing', 'https://example.org/?level=error opened'],
    ['text nothing', ''],
  ])('%s: %s', (expected, line) => {
    expect(stated(line)).toBe(expected)
  })
})

describe('the parts of a line are found for whoever takes it in', () => {
  const parts = (line: string) => {
    const read: LogLine = parseLine(line)
    const text = (span: LogLine['time']) => (span === null ? null : line.slice(span.start, span.end))
    return [text(read.time), text(read.host), text(read.program), text(read.message)]
  }
  test.each([
    [
      '<165>1 2026-01-02T03:04:05.678Z nas sshd 123 ID47 - Accepted key',
      ['2026-01-02T03:04:05.678Z', 'nas', 'sshd', 'Accepted key'],
    ],
    ['Nov 20 10:00:00 nas sshd[1021]: Accepted key', ['Nov 20 10:00:00', 'nas', 'sshd', 'Accepted key']],
    ['{"ts":1767322800,"host":"nas","logger":"db","level":"info","msg":"ready"}', ['1767322800', 'nas', 'db', 'ready']],
    [
      'time=2026-01-02T03:04:05Z level=info app=web msg="it is ready"',
      ['2026-01-02T03:04:05Z', null, 'web', 'it is ready'],
    ],
    ['I0115 12:34:56.789012 1 main.go:12] ready', ['0115 12:34:56.789012', null, 'main.go', 'ready']],
    ['2026-01-02T03:04:05Z info hostd[2] ready', ['2026-01-02T03:04:05Z', null, 'hostd', 'ready']],
    [
      '{"log":"level=warn msg=\\"x y\\"\\n","stream":"stderr","time":"2026-01-02T03:04:05Z"}',
      ['2026-01-02T03:04:05Z', null, null, '\\"x'],
    ],
  ])('%s', (line, expected) => {
    expect(parts(line)).toEqual(expected)
  })
})

const pieces = [
  '{',
  '}',
  '"',
  "'",
  '\\',
  '[',
  ']',
  '(',
  ')',
  '<',
  '>',
  ':',
  ',',
  '|',
  '=',
  '%',
  '/',
  ' ',
  '\t',
  '-',
  '.',
  '\u001b[',
  'm',
  '{"level":',
  '"log":"',
  '"stream":"std',
  'level=',
  'ERROR',
  'error',
  'E',
  'warn:',
  '<13>',
  '<13>1 ',
  '2026-01-02T03:04:05Z',
  'Nov 20 10:00:00',
  '12:00:00',
  '1',
  '1767322800',
  'host',
  'app[12]:',
  '%A-3-',
  'SHELL/5/',
  'a,',
  'CEF:0|',
  'cpu1:2)',
  '<Event',
  '\ud800',
  '😀',
  'GET ',
  'HTTP/1.1" 200',
  'exit code 0',
]

test('any line is read: every part lies in it, in order, and nothing is thrown', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join('')),
        fc.string({ unit: 'binary' }),
      ),
      (line) => {
        const { time, host, program, message, said, stated } = parseLine(line)
        for (const span of [time, host, program, message, stated, ...said]) {
          if (span === null) continue
          expect(span.start).toBeGreaterThanOrEqual(0)
          expect(span.end).toBeGreaterThanOrEqual(span.start)
          expect(span.end).toBeLessThanOrEqual(line.length)
        }
        for (let i = 1; i < said.length; i++) expect(said[i].start).toBeGreaterThanOrEqual(said[i - 1].end)
      },
    ),
    { numRuns: 2000 },
  )
})

test('the hardest lines of 20,000 units take no longer than a linear reading does', () => {
  for (const piece of pieces) {
    for (const head of [
      '',
      '{"a":"',
      '{"a":',
      'a=',
      '<13>1 ',
      'Nov 20 10:00:00 h p: ',
      '10.0.0.1 [20/Nov/2026:10:00:00 +0000] "GET ',
    ]) {
      const line = head + piece.repeat(Math.ceil(20_000 / piece.length))
      const started = performance.now()
      parseLine(line)
      expect(performance.now() - started, `${head}${piece}`).toBeLessThan(100)
    }
  }
})
