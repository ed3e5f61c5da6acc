/** Writes kernel.wasm from kernel.wat: `node server/src/engine/fit/kernel/build.ts`. A test holds the two together. */
import { readFileSync, writeFileSync } from 'node:fs'
import wabt from 'wabt'

/** The bytes that the source gives. */
export async function buildKernel(): Promise<Uint8Array> {
  const tools = await wabt()
  const source = readFileSync(new URL('kernel.wat', import.meta.url), 'utf8')
  const module = tools.parseWat('kernel.wat', source, { simd: true, threads: true, bulk_memory: true })
  try {
    return module.toBinary({ canonicalize_lebs: true }).buffer
  } finally {
    module.destroy()
  }
}

if (import.meta.main) writeFileSync(new URL('kernel.wasm', import.meta.url), await buildKernel())
