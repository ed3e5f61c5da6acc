/** Imported first by tests that start many stores: their threads find their code ready, in a third of the time. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'

process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'barometer-compile-cache')
