import { format, inspect } from 'node:util'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { secretOf } from './secret.ts'

test('whatever prints a secret prints that it is one', () => {
  fc.assert(
    fc.property(fc.uuid(), (value) => {
      const secret = secretOf(value)
      const config = { token: secret, list: [secret] }
      const shown = [
        String(secret),
        JSON.stringify(config),
        inspect(config),
        format('%s %o %j', secret, secret, secret),
      ]
      for (const text of shown) {
        expect(text).toContain('[secret]')
        expect(text).not.toContain(value)
      }
      expect(secret.reveal()).toBe(value)
    }),
  )
})
