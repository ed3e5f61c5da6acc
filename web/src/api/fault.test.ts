import { expect, test } from 'vitest'
import { ApiFault, faultOf, isPassing } from './fault.ts'

test("the server's fault keeps its code, words and request id", () => {
  const fault = faultOf(429, { error: { code: 'rate_limited', message: 'Slower.', requestId: 'r1' } }, '3')
  expect(fault).toMatchObject({
    code: 'rate_limited',
    status: 429,
    message: 'Slower.',
    requestId: 'r1',
    retryAfterSeconds: 3,
  })
})

test('an answer that is not ours is still said in words', () => {
  for (const body of [null, 'Bad gateway', {}, { error: 'x' }, { error: { code: 1, message: 'x' } }])
    expect(faultOf(502, body, null)).toMatchObject({ code: 'http_502', status: 502, retryAfterSeconds: undefined })
})

test('only what passes by itself is asked again', () => {
  expect(isPassing(new ApiFault('unreachable', 0, ''))).toBe(true)
  expect(isPassing(new ApiFault('overloaded', 503, ''))).toBe(true)
  expect(isPassing(new ApiFault('forbidden', 403, ''))).toBe(false)
  expect(isPassing(new Error('bug'))).toBe(false)
})
