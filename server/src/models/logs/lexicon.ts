/**
 * Words of logs that say how grave a line is, written for Barometer from what operating systems, daemons and
 * network devices print. Each group shares a weight, which training finds; a word may have its own beside it.
 */
import type { LexiconGroup } from '../text/recipe.ts'

const groups: Readonly<Record<string, string>> = {
  fatal:
    'panic panicked fatal emergency oops segfault segfaulted sigsegv sigabrt abort aborted aborting crash crashed crashes crashing core dumped corrupt corrupted corruption unrecoverable uncorrectable catastrophic fire meltdown overheated overtemperature shutdown halted hung deadlock lockup bug watchdog mce',
  failure:
    "fail failed fails failing failure failures error errors err exception exceptions unable cannot couldn can't could unsuccessful unsuccessfully broken dead died killed terminated crash assertion assert traceback stacktrace unreachable unavailable inaccessible nonexistent",
  exhaustion:
    'oom memory exhausted exhaustion insufficient full enospc emfile enomem outofmemoryerror starvation depleted overflow overflowed overrun overload overloaded saturated exceeded exceeds exceeding quota leak leaked starved malloc allocate allocation',
  wrong:
    'invalid illegal malformed bad wrong unexpected unknown unrecognized unrecognised unsupported inconsistent inconsistency mismatch mismatched missing undefined duplicate conflict conflicting incompatible incomplete improper incorrect violation violated corrupt garbage misconfigured misconfiguration',
  refusal:
    'denied deny refused refuse reject rejected rejects rejecting forbidden unauthorized unauthorised blocked block disallowed prohibited expired revoked untrusted unauthenticated authentication spoof spoofed attack intrusion suspicious malicious flood flooding brute scan exploit',
  loss: 'lost loss lose down disconnect disconnected disconnects dropped drop drops dropping timeout timeouts timedout timed expired stale unresponsive reset resetting flap flapping flapped unreachable removed detached absent degraded offline isolated interrupted',
  caution:
    'warn warning warnings deprecated deprecation obsolete retry retrying retries retried slow slowly delayed delay late lag lagging high threshold nearly almost approaching low limit throttled throttling backoff skipped skipping ignored ignoring fallback falling temporary temporarily recommend recommended consider should please',
  health:
    'start started starting starts up ready running restored recovered recover recovery resumed resume cleared clear normal healthy ok success successful successfully succeeded completed complete completes finished done accepted established connected enabled online active joined registered loaded initialized initialised opened established alive',
  routine:
    'login logged logout session opened closed created updated added changed configured configuration config saved loaded listening received sent request response get post query scheduled heartbeat keepalive debug trace info notice informational statistics stats version',
}

export const severityLexicon: readonly LexiconGroup[] = Object.entries(groups).map(([name, words]) => ({
  name,
  words: [...new Set(words.split(' '))],
}))
