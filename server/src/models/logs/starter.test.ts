import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { softmax } from '../../math/softmax.ts'
import { verifyArtifact } from '../../versions/artifacts/folder.ts'
import { decodeArtifact, type Loaded } from '../../versions/artifacts/loadArtifact.ts'

let severity: Loaded
beforeAll(async () => {
  severity = decodeArtifact(
    await verifyArtifact(fileURLToPath(new URL('../../../../starter/severity', import.meta.url))),
  )
})

const answer = (line: string) => severity.manifest.labels[severity.model.score(line).label]

test.each([
  ['critical', '*Nov 20 10:00:00.123: %LINK-3-UPDOWN: Interface GigabitEthernet0/1, changed state to down'],
  ['critical', 'Nov 20 10:00:00 nas kernel: Out of memory: Kill process 4121 (chrome) score 812 or sacrifice child'],
  ['critical', 'Nov 20 10:00:00 nas systemd[1]: Failed to start Samba SMB Daemon.'],
  ['critical', '2026-11-20 10:00:00.123 UTC [77] ERROR:  duplicate key value violates unique constraint "users_pkey"'],
  ['critical', 'panic: runtime error: invalid memory address or nil pointer dereference'],
  ['critical', 'Backup failed: no space left on device'],
  ['critical', 'Traceback (most recent call last):'],
  ['warning', '2026/11/20 10:00:00 [warn] 11#11: *3 an upstream response is buffered to a temporary file'],
  ['warning', 'Nov 20 10:00:00 nas sshd[1021]: Failed password for invalid user test from 45.12.3.9 port 33122 ssh2'],
  ['warning', '192.168.1.7 - - [20/Nov/2026:10:00:00 +0000] "GET /api/items HTTP/1.1" 504 0 "-" "Mozilla/5.0"'],
  ['warning', 'request to /predict took 4123 ms'],
  ['info', '192.168.1.7 - - [20/Nov/2026:10:00:00 +0000] "GET /static/app.js HTTP/1.1" 200 8123 "-" "Mozilla/5.0"'],
  ['info', 'Nov 20 10:00:00 nas sshd[1021]: Accepted publickey for anna from 192.168.1.7 port 50112 ssh2'],
  ['info', 'Nov 20 10:00:00 nas systemd[1]: Started Session 41 of user anna.'],
  ['info', 'Nov 20 10:00:00 nas kernel: r8169 0000:02:00.0 enp2s0: Link is Up - 1Gbps/Full - flow control off'],
  ['info', 'time="2026-11-20T10:00:00Z" level=info msg="Loading containers: done."'],
  ['info', 'Backup finished: 0 errors, 812 files'],
  ['info', 'error_count=0 request_count=123'],
  ['info', 'listening on port 8000'],
])('the model in the box calls %s: %s', (label, line) => {
  expect(answer(line)).toBe(label)
})

test('its explanations add up to its probabilities', () => {
  for (const line of [
    'kernel: eth0: Link is Down',
    'level=error 10.0.0.1 refused the connection',
    '',
    '[warn] 0 of 12 ok',
  ]) {
    const { logits, bias, spans } = severity.model.explain(line)
    const { probabilities } = severity.model.score(line)
    for (const [k, p] of softmax(Float64Array.from(logits)).entries()) {
      expect(p).toBeCloseTo(probabilities[k], 9)
      const sum = spans.reduce((total, span) => total + span.contributions[k], bias[k])
      expect(Math.abs(sum - logits[k])).toBeLessThan(1e-9 * Math.max(1, Math.abs(logits[k])))
    }
  }
})
