/**
 * A line of a stack trace, which programs print when they fail and for nothing else: Java, .NET, Python, Go, Rust, Node.
 *
 *   Exception in thread "main" java.lang.IllegalStateException: …     Caused by: …     ⇥at com.acme.Main.run(Main.java:8)
 *   Traceback (most recent call last):     panic: …     goroutine 1 [running]:     thread 'main' panicked at …
 */
import type { LogLine } from '../logLine.ts'

const HEAD =
  /(?:Exception in thread "|Caused by: [\w.$]{3,200}(?:Exception|Error)\b|Traceback \(most recent call last\):|panic: |goroutine \d{1,9} \[|thread '[^']{1,60}' (?:\(\d{1,9}\) )?panicked at |Unhandled [eE]xception)/y
const FRAME =
  /at [\w.$<>]{2,200}[.(](?:[^()\s]{0,200}\([^()\s]{1,200}:\d{1,7}(?::\d{1,7})?\)|[^\n]{1,200}:line \d{1,7}\b)|at [\w.$<>/]{2,200}\((?:[\w$-]{1,200}\.\w{1,8}:\d{1,7}|Native Method|Unknown Source)\)|File "[^"]{1,300}", line \d{1,7}, in /y

export function parseStackTrace(line: string, from: number, to: number): LogLine | null {
  const pattern = line[from] === 'a' || line[from] === 'F' ? FRAME : HEAD
  pattern.lastIndex = from
  if (!pattern.test(line)) return null
  const message = { start: from, end: to }
  const stated = { severity: 2, start: from, end: Math.min(pattern.lastIndex, to) } as const
  return { format: 'trace', time: null, host: null, program: null, message, said: [message], stated }
}
