import { expect, test } from 'vitest'
import { targetOf } from './target.ts'

test.each([
  'http://localhost:8000',
  'http://127.0.0.1',
  'http://127.8.9.10:1',
  'http://0x7f000001/',
  'http://[::1]:8000',
  'https://a.localhost',
])('%s is this machine', (address) => {
  expect(targetOf(address)?.loopback).toBe(true)
})

test.each([
  'http://example.com',
  'http://127.0.0.1.example.com',
  'http://localhost.example.com',
  'http://10.0.0.1:8000',
  'http://0.0.0.0:8000',
  'http://[::2]',
  'http://notlocalhost',
])('%s may be another', (address) => {
  expect(targetOf(address)?.loopback).toBe(false)
})

test.each(['localhost:8000', 'ftp://localhost', '', 'http://', 'http://user:key@localhost', 'http://localhost:99999'])(
  '“%s” is no address to load',
  (address) => {
    expect(targetOf(address)).toBeNull()
  },
)

test('port, host and path are taken apart as a request needs them', () => {
  expect(targetOf('https://[::1]/barometer/')).toEqual({
    host: '::1',
    port: 443,
    tls: true,
    authority: '[::1]',
    path: '/barometer',
    loopback: true,
  })
})
