/** The `barometer` command as people use it, from the first key to a rollback, on a state folder of its own. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exits } from '../../src/cli/failure.ts'
import { cli } from '../../src/cli.ts'
import { seededRandom } from '../../src/math/random.ts'
import { memoryTerminal } from './memoryTerminal.ts'

const STARTER = join(import.meta.dirname, '../../../starter/sentiment')

const COMMANDS = [
  'serve',
  'predict',
  'train',
  'runs',
  'pull',
  'quantize',
  'evaluate',
  'models',
  'keys',
  'db',
  'status',
  'load',
]

let home: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'barometer-command-'))
  writeFileSync(join(home, 'pets.csv'), petsCsv(400, 1))
  writeFileSync(join(home, 'test.csv'), petsCsv(120, 2))
})
afterAll(() => rmSync(home, { recursive: true }))

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface How {
  readonly stdin?: string
  readonly called?: string
  readonly shows?: boolean
}

async function barometer(words: string, options: How = {}): Promise<Ended> {
  const terminal = memoryTerminal(home, { ...options, env: { BAROMETER_HOME: join(home, 'state') } })
  const args = [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain)
  const code = await cli(args, terminal)
  return { code, out: terminal.out(), err: terminal.err() }
}

/** Runs a command with --json that must succeed. */
async function json<T>(words: string): Promise<T> {
  const { code, out, err } = await barometer(`${words} --json`)
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out) as T // the caller names what it asserts
}

/** Sentences about cats, dogs and birds: a task that no starter model has. */
function petsCsv(rows: number, seed: number): string {
  const random = seededRandom(seed)
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]
  const says = {
    cat: ['purrs', 'meows', 'climbs the curtain'],
    dog: ['barks', 'fetches the ball', 'wags its tail'],
    bird: ['sings', 'flies away', 'builds a nest'],
  }
  const kinds = ['cat', 'dog', 'bird'] as const
  const lines = Array.from({ length: rows }, (_, i) => {
    const kind = kinds[Math.floor(random() * 3)]
    return `${i},"the ${pick(['old', 'young', 'small', 'loud'])} one ${pick(says[kind])}, ""${pick(['again', 'at night', 'every day'])}"" ${i}",${kind}`
  })
  return `id,text,label\n${lines.join('\n')}\n`
}

describe('a model of one’s own', () => {
  test('is trained, measured and registered as staging', async () => {
    const made = await json<{
      model: string
      version: number
      stage: string
      evaluations: { name: string; metrics: { accuracy: { value: number; low: number; high: number } } }[]
    }>(
      'train --data pets.csv --test test.csv --name pets --seed 7 --terms "made up for a test"'.replaceAll(
        /(\w+\.csv)/g,
        (name) => join(home, name),
      ),
    )
    expect(made).toMatchObject({ model: 'pets', version: 1, stage: 'staging' })
    expect(made.evaluations.map((one) => one.name)).toEqual(['held-out', 'test.csv'])
    const { value, low, high } = made.evaluations[1].metrics.accuracy
    expect(value).toBeGreaterThan(0.95)
    expect(low).toBeLessThanOrEqual(value)
    expect(high).toBeGreaterThanOrEqual(value)
  })

  test('the same rows and seed make the same weights with any number of threads', async () => {
    const weights = async (workers: number) => {
      const folder = join(home, `out-${workers}`)
      expect(
        (
          await barometer(
            `train --data ${join(home, 'pets.csv')} --name pets --seed 7 --threads ${workers} --out ${folder}`,
          )
        ).code,
      ).toBe(0)
      return readFileSync(join(folder, 'model.bin'))
    }
    expect((await weights(1)).equals(await weights(2))).toBe(true)
  })

  test('a version in staging scores when it is named; the task has none in production', async () => {
    const { out } = await barometer('predict --model pets@1 "the loud one barks"')
    expect(out).toMatch(/^dog \d+\.\d %/)
    expect(await barometer('predict --task pets "the loud one barks"')).toMatchObject({
      code: 1,
      err: expect.stringContaining('(task_unknown)'),
    })
  })

  test('promote, promote the next, roll back: each leaves its event', async () => {
    await json(`train --data ${join(home, 'pets.csv')} --name pets --seed 8 --promote`)
    expect((await barometer('models promote pets@1 --why "it was better"')).out).toBe(
      'pets: Promoted 1 in place of 2\n',
    )
    expect((await barometer('models rollback pets --why oops')).code).toBe(0)
    const events = await json<{ summary: string; who: string; why: string }[]>('models events pets')
    expect(events.map(({ summary, why }) => [summary, why]).slice(2)).toEqual([
      ['Promoted 2', 'from the command line'],
      ['Promoted 1 in place of 2', 'it was better'],
      ['Rolled back from 1 to 2', 'oops'],
    ])
    expect((await barometer('models events pets --limit 1')).out).toMatch(/Rolled back from 1 to 2/)
    expect(events.every((event) => event.who.startsWith('cli'))).toBe(true)
    expect((await barometer('models list')).out).toMatch(/pets@2 +production/)
    expect(await barometer('models promote pets@2')).toMatchObject({
      code: 1,
      err: expect.stringContaining('(stage_conflict)'),
    })
  })

  test('evaluate measures it with intervals, and its confusion', async () => {
    const { out, code } = await barometer(`evaluate --data ${join(home, 'test.csv')} --model pets@1`)
    expect(code).toBe(0)
    expect(out).toMatch(/accuracy +\d+\.\d\d % +\d+\.\d\d % – \d+\.\d\d %/)
    expect(out).toMatch(/actual \\ predicted +bird +cat +dog/)
  })

  test('verify finds the one byte that was changed', async () => {
    expect((await barometer('models verify')).code).toBe(0)
    const folder = join(home, 'state', 'models')
    const file = join(folder, readdirSync(folder)[0], 'model.bin')
    const bytes = readFileSync(file)
    bytes[bytes.length >> 1] ^= 1
    writeFileSync(file, bytes)
    const broken = await barometer('models verify')
    expect(broken.code).toBe(1)
    expect(broken.out.match(/BROKEN {2}.*model\.bin.*sha256/g)).toHaveLength(1)
    bytes[bytes.length >> 1] ^= 1
    writeFileSync(file, bytes)
    expect((await barometer('models verify pets')).code).toBe(0)
  })
})

describe('a file', () => {
  const rowsOf = (csv: string) => parse<Record<string, string>>(csv, { columns: true })

  test('is scored in order by any number of threads, and each answer is that of the text alone', async () => {
    const path = join(home, 'big.csv')
    // Long rows, so that there are several chunks of a megabyte.
    writeFileSync(
      path,
      petsCsv(5_000, 3).replaceAll(/the (\w+)/g, (words) => `${words} and `.repeat(30) + words),
    )
    const outputs = []
    for (const threads of [1, 2, 4])
      outputs.push(await barometer(`predict --task pets --file ${path} --keep id,text --threads ${threads}`))
    expect(outputs.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(outputs[1].out).toBe(outputs[0].out)
    expect(outputs[2].out).toBe(outputs[0].out)
    const rows = rowsOf(outputs[0].out)
    expect(rows.map((row) => row['id'])).toEqual(Array.from({ length: 5_000 }, (_, i) => String(i)))
    const row = rows[4_999]
    const single = JSON.parse((await barometer('predict --task pets --json', { stdin: row['text'] })).out) as {
      label: string
      confidence: number
    }
    expect(single).toMatchObject({ label: row['label'], confidence: Number(row['confidence']) })
  })

  test('rows that cannot be scored say why in their place, and the exit code says that there were some', async () => {
    const path = join(home, 'odd.csv')
    writeFileSync(path, `text\nfine\n""\n${'x'.repeat(20_001)}\na,b\nfine again\n`)
    const { code, out, err } = await barometer(`predict --task pets --file ${path}`)
    expect(code).toBe(1)
    expect(rowsOf(out).map((row) => [row['line'], row['error']])).toEqual([
      ['2', ''],
      ['4', 'text_too_long'],
      ['5', 'bad_request'],
      ['6', ''],
    ])
    expect(err).toContain('2 could not be scored')
  })

  test('gzip and NDJSON go in and out', async () => {
    const path = join(home, 'some.jsonl.gz')
    writeFileSync(path, gzipSync('{"text":"it purrs","id":"a"}\n{"text":"it barks","id":"b"}\n'))
    const { out } = await barometer(`predict --task pets --file ${path} --keep id --json --probabilities`)
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; label: string; probabilities: Record<string, number> })
    expect(rows.map(({ id, label }) => [id, label])).toEqual([
      ['a', 'cat'],
      ['b', 'dog'],
    ])
    expect(Object.keys(rows[0].probabilities)).toEqual(['bird', 'cat', 'dog'])
  })
})

describe('training as a job', () => {
  const pets = () => join(home, 'pets.csv')

  test('settings are looked for, and the run is kept with its curves and trials', async () => {
    const made = await json<{ version: number; facts: { trial: number } }>(
      `train --data ${pets()} --name tuned --optimize --n-trials 4 --samples 200`,
    )
    expect(made.version).toBe(1)
    const [run] = await json<{ id: string; state: string; asked: { parameters: object } }[]>('runs list --model tuned')
    expect(run).toMatchObject({ state: 'succeeded', asked: { parameters: { samples: 200 }, search: { trials: 4 } } })
    const { out } = await barometer(`runs show ${run.id}`)
    expect(out).toMatch(/4 trials, \d+ of them cut short/)
    expect(out).toMatch(new RegExp(`^ +${made.facts.trial}  best `, 'm'))
    expect(out).toContain('tuned@1')
    const plain = await barometer(`train --data ${pets()} --name plain --quick`)
    expect(plain).toMatchObject({ code: 0, out: expect.stringContaining('plain@1 is in staging') })
    const [newest] = await json<{ id: string }[]>('runs list --limit 1')
    expect((await barometer(`runs show ${newest.id}`)).out).toMatch(/loss +\d\.\d{4} [▁-█]+ \d\.\d{4}/)
  })

  test('a run that is over is neither resumed nor cancelled; an unknown one is reported as unknown', async () => {
    const [{ id }] = await json<{ id: string }[]>('runs list --limit 1')
    expect(await barometer(`train --resume ${id}`)).toMatchObject({
      code: 1,
      err: expect.stringContaining('(run_over)'),
    })
    expect(await barometer(`runs cancel ${id}`)).toMatchObject({ code: 1, err: expect.stringContaining('(run_over)') })
    for (const words of ['train --resume nobody', 'runs show nobody', 'runs cancel nobody'])
      expect(await barometer(words)).toMatchObject({ code: 1, err: expect.stringContaining('(run_unknown)') })
  })

  test.each([
    ['--batch 8', 'has no setting “batch”'],
    ['--set epochs=none', 'a whole number from 1 to 1000'],
    ['--from hf:some/model', 'cannot start --from'],
    ['--recipe lstm --test x.csv', 'takes no test'],
  ])('%s is refused before anything starts', async (words, says) => {
    expect(await barometer(`train --data ${pets()} --name refused ${words}`)).toMatchObject({
      code: 1,
      err: expect.stringContaining(says),
    })
    expect(await json('runs list --model refused')).toEqual([])
  })

  test('without feedback there is nothing to learn from it', async () => {
    expect(await barometer('train --feedback --since 30d --name pets')).toMatchObject({
      code: 1,
      err: expect.stringContaining('No prediction of “pets” has feedback in that time. (data_broken)'),
    })
  })
})

describe('data that is not good enough', () => {
  test('bad rows are reported by line and left out; too many are refused', async () => {
    const good = petsCsv(300, 4)
    writeFileSync(join(home, 'few.csv'), `${good}300,only two\n`)
    const few = await barometer(`train --data ${join(home, 'few.csv')} --name few`)
    expect(few.code).toBe(0)
    expect(few.err).toContain('line 302:')
    writeFileSync(join(home, 'many.csv'), `${good}${'300,only two\n'.repeat(10)}`)
    const many = await barometer(`train --data ${join(home, 'many.csv')} --name many`)
    expect(many).toMatchObject({
      code: 1,
      err: expect.stringMatching(/too many bad rows[^]*line 302[^]*\(data_broken\)/),
    })
  })

  test('one label, or too few rows, are refused', async () => {
    writeFileSync(
      join(home, 'one.csv'),
      `text,label\n${Array.from({ length: 60 }, (_, i) => `text ${i},a`).join('\n')}\n`,
    )
    expect((await barometer(`train --data ${join(home, 'one.csv')} --name one`)).err).toContain(
      'a task has two at least',
    )
    writeFileSync(join(home, 'short.csv'), 'text,label\na,x\nb,y\n')
    expect((await barometer(`train --data ${join(home, 'short.csv')} --name short`)).err).toContain(
      'at least 50 are needed',
    )
  })
})

describe('keys', () => {
  test('are shown once, listed without their secret, and revoked', async () => {
    const { key, id } = await json<{ key: string; id: string }>(
      'keys create --name shop --scopes predict,read --rate 5/s --expires 90d',
    )
    expect(key).toMatch(new RegExp(`^bk_${id}_`))
    const listed = await barometer('keys list')
    expect(listed.out).toMatch(/shop +predict, read +300\/min/)
    expect(listed.out).not.toContain(key.slice(-20))
    expect((await barometer(`keys revoke ${id}`)).code).toBe(0)
    expect((await barometer('keys list')).out).toContain('revoked')
    expect((await barometer('keys revoke nobody')).code).toBe(1)
  })
})

test('the database says its migrations and its size', async () => {
  const status = await json<{ migrations: { number: number; at: number | null }[]; facts: { rows: number } }>(
    'db status',
  )
  expect(status.migrations.every((one) => one.at !== null)).toBe(true)
  expect(status.facts.rows).toBe(0)
  expect((await barometer('db migrate')).err).toContain('up to date')
  expect((await barometer('db check')).out).toMatch(/^ok: sqlite/)
  expect((await barometer('db retain --days 1')).out).toBe('0 predictions removed\n')
})

describe('a wrong command line', () => {
  test.each([
    ['frobnicate', "unknown command 'frobnicate'"],
    ['predict --frob x', "unknown option '--frob'"],
    ['predict', 'Nothing to score'],
    ['predict hi --file x.csv', 'not both'],
    ['predict --file x.csv --explain', '--explain goes with texts'],
    ['keys create --name a --scopes all', 'There is no scope all'],
    ['keys create --name a --scopes read --rate fast', 'A rate is written like'],
    ['models promote pets', 'Which version?'],
    ['train --data x.csv', "required option '--name <name>'"],
    ['train --name x', "required option '--data <path>'"],
    ['train --data x.csv --name x --since 3d', '--since goes with --feedback'],
    ['train --data x.csv --name x --set frob', 'Write NAME=VALUE'],
    ['train --data x.csv --name x --out y --promote', 'nothing to --promote'],
    ['status --url nonsense', 'no address of a server'],
    ['load --url http://192.0.2.1 --seconds 1', '--allow-remote'],
  ])('%s → exit code 2 and what would be right', async (words, says) => {
    const { code, err, out } = await barometer(words)
    expect(err).toContain(says)
    expect({ code, out }).toEqual({ code: 2, out: '' })
  })

  test('a setting that cannot be is one, too', async () => {
    const terminal = memoryTerminal(home, { env: { PORT: 'eighty' } })
    expect(await cli(['status'], terminal)).toBe(2)
    expect(terminal.err()).toContain('PORT must be a whole number')
  })
})

test('commands on a state that is not there say so, and make none', async () => {
  const terminal = memoryTerminal(home, { env: { BAROMETER_HOME: join(home, 'nothing') } })
  expect(await cli(['models', 'list'], terminal)).toBe(1)
  expect(terminal.err()).toContain('There is nothing in')
  expect(readdirSync(home)).not.toContain('nothing')
})

test('every command has a manual with its options', async () => {
  for (const name of COMMANDS) {
    const { code, out } = await barometer(`help ${name}`)
    expect({ name, code }).toEqual({ name, code: 0 })
    expect(out).toContain(`Usage: barometer ${name}`)
    expect(out).toContain('Examples:')
  }
})

test('the guide names every command and every exit code, and none that does not exist', async () => {
  const guide = readFileSync(new URL('../../../docs/guide/command-line.md', import.meta.url), 'utf8')
  const names: string[] = []
  for (const name of COMMANDS) {
    const { out } = await barometer(`help ${name}`)
    const subs = [...(out.split('\nCommands:\n')[1] ?? '').matchAll(/^ {2}(\w+)/gm)].map(([, sub]) => sub)
    names.push(...(subs.length === 0 ? [name] : subs.filter((sub) => sub !== 'help').map((sub) => `${name} ${sub}`)))
  }
  expect([...guide.matchAll(/^\| `barometer ([a-z ]+)` \|/gm)].map(([, name]) => name)).toEqual(names)
  const codes = [...guide.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
  expect(codes).toEqual(Object.values(exits))
})

describe('a text from elsewhere is shown, not acted on by the terminal', () => {
  const foreign = 'fine \u001b[31m\u001b]0;title\u0007\u202e\u009b2J'
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  const actedOn = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/

  test.each([
    ['a text that is scored', `predict "${foreign}"`],
    ['… and explained', `predict --explain "${foreign}"`],
    ['… as JSON', `predict --json "${foreign}"`],
    ['a word that no command is', `"${foreign}"`],
    ['a file that is not there', `predict --file "${foreign}.csv"`],
    ['a model that is not there', `models show "${foreign}"`],
    ['a folder that is none', `pull "./${foreign}"`],
    ['an address', `status --url "${foreign}"`],
    ['a run', `runs show "${foreign}"`],
    ['a column', `train --data pets.csv --text-column "${foreign}" --label-column label --name x --task x`],
  ])('%s', async (_what, words) => {
    const { out, err } = await barometer(words)
    expect(out + err).not.toBe('')
    expect(out + err).not.toMatch(actedOn)
  })

  test('labels of a file', async () => {
    const rows = Array.from(
      { length: 80 },
      (_, i) => `the ${['purring', 'barking'][i % 2]} one ${i},${['cat', 'dog\u001b[31m'][i % 2]}`,
    )
    writeFileSync(join(home, 'foreign.csv'), `text,label\n${rows.join('\n')}\n`)
    const { code, out, err } = await barometer('train --data foreign.csv --name foreign --task foreign --quick')
    expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' })
    const shown = await barometer('models show foreign@1')
    expect(shown.out).toContain('dog\\u001b[31m')
    expect(`${out}${err}${shown.out}`).not.toMatch(actedOn)
  })
})

describe('the first minutes', () => {
  const lines = 'good, really\nthe worst\n'

  test('lines from a pipe are answered with their text', async () => {
    const { out } = await barometer('predict', { stdin: lines })
    expect(parse(out, { columns: true })).toMatchObject([
      { line: '1', text: 'good, really', label: 'positive' },
      { line: '2', text: 'the worst', label: 'negative' },
    ])
    const asJson = await barometer('predict --json', { stdin: lines })
    expect(
      asJson.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toMatchObject([
      { line: 1, text: 'good, really' },
      { line: 2, text: 'the worst' },
    ])
  })

  test('a table that is piped in is answered with its text once, also where it is kept', async () => {
    const table = 'id,text\n7,good\n'
    for (const words of ['predict --format csv --keep id', 'predict --format csv --keep id,text']) {
      const { out } = await barometer(words, { stdin: table })
      expect(parse(out, { columns: true })).toMatchObject([{ line: '2', id: '7', text: 'good', label: 'positive' }])
      expect(out.split('\n')[0].match(/text/g)).toHaveLength(1)
    }
  })

  test('a person who pipes lines in reads answers in words, one a line, as of texts on the command line', async () => {
    const { code, out } = await barometer('predict', { stdin: 'good, really\n \u001b[2Jthe worst\n', shows: true })
    expect(code).toBe(exits.ok)
    expect(out).toMatch(/^positive [\d.]+ %  \(.*\)  good, really\nnegative [\d.]+ %  \(.*\)  .*the worst\n$/)
    const single = await barometer('predict "good, really"')
    expect(out.split('\n')[0]).toBe(single.out.trim())
    const csv = await barometer('predict --output csv', { stdin: lines, shows: true })
    expect(csv.out.split('\n')[0]).toBe('line,text,label,confidence,error')
  })

  test('… and of a line that cannot be scored, why', async () => {
    const { code, out } = await barometer('predict', { stdin: `${'x'.repeat(30_000)}\ngood\n`, shows: true })
    expect(code).toBe(exits.failed)
    expect(out).toMatch(/^not scored {2}line 1: The text has 30000 characters.* \(text_too_long\)\npositive /)
  })

  test('plain text can keep its text, and says that it has nothing else', async () => {
    const { out } = await barometer('predict --file - --keep text', { stdin: lines })
    expect(out.split('\n')[0]).toBe('line,text,label,confidence,error')
    const { code, err } = await barometer('predict --keep id', { stdin: lines })
    expect({ code, err }).toEqual({ code: exits.failed, err: expect.stringContaining('no column “id”') })
  })

  test('a file of lines keeps its answers short', async () => {
    const { out } = await barometer('predict --file -', { stdin: lines })
    expect(out.split('\n')[0]).toBe('line,label,confidence,error')
  })

  test('a folder that is there is refused before a version is trained for it', async () => {
    mkdirSync(join(home, 'mine'))
    const { code, err } = await barometer('train --data pets.csv --name pets --quick --out mine')
    expect({ code, err }).toEqual({
      code: exits.failed,
      err: `barometer: ${join(home, 'mine')} is there already, and is no model version. Name a folder that is not there yet.\n`,
    })
    expect(readdirSync(join(home, 'mine'))).toEqual([])
  })

  test.each([
    ['train --data mine --name pets', /is a folder, not a file\. \(data_broken\)/],
    ['train --data pets.csv --test mine --name pets', /is a folder, not a file\. \(data_broken\)/],
    ['predict --file mine', /is a folder, not a file\. \(data_broken\)/],
    ['load --file mine', /is a folder, not a file\. \(data_broken\)/],
    [`evaluate --data mine --model ${STARTER}`, /is a folder, not a file\. \(data_broken\)/],
    ['pull ./mine --labels mine', /labels .*mine cannot be read: it is a folder\. \(data_broken\)/],
    ['pull ./mine --labels none.json', /labels .*none\.json cannot be read: there is no such file\. \(data_broken\)/],
    ['pull ./pets.csv', /pets\.csv is a file; name the folder that it is in\. \(model_unsupported\)/],
    ['pull ./none', /There is no folder .*none\. \(model_unsupported\)/],
    ['predict --model ./none x', /There is no folder .*none\. \(artifact_broken\)/],
    ['predict --model ./pets.csv x', /pets\.csv is a file; a model version is a folder.* \(artifact_broken\)/],
    ['predict --model ./mine x', /mine holds no model version: manifest\.json is missing\. \(artifact_broken\)/],
    ['train --data pets.csv --name pets --out pets.csv', /pets\.csv is there already/],
    ...[
      'predict x',
      'models list',
      'models verify',
      'runs list',
      'keys list',
      'db status',
      'db check',
      'db migrate',
    ].map((words): [string, RegExp] => [
      `${words} --home pets.csv`,
      /it is a file, not a folder\. Name another.* \(home_unusable\)/,
    ]),
  ])('a folder, a file or nothing where the other is wanted is a clear fault: %s', async (words, fault) => {
    const folder = join(home, 'mine')
    mkdirSync(folder, { recursive: true })
    const inside = words.replace(/(?<= )(\.\/)?(mine|none\.json|none|pets\.csv)(?= |$)/g, (_, _dot, name: string) =>
      join(home, name),
    )
    const { code, out, err } = await barometer(inside)
    expect({ code, out }).toEqual({ code: exits.failed, out: '' })
    expect(err).toMatch(fault)
    expect(err).not.toMatch(/mistake in Barometer|\n {4}at /)
  })

  test('hints can be copied as they stand', async () => {
    const other = join(home, 'other state')
    const how = { called: 'npx barometer' }
    const kept = await barometer(`train --data pets.csv --name pets --quick --home "${other}"`, how)
    expect(kept.out).toContain(`To serve it: npx barometer models promote pets@1 --home '${other}'\n`)
    const spaced = await barometer('train --data pets.csv --name pets --quick --out "my topic"', how)
    expect(spaced.out).toContain(`try it: npx barometer predict --model './my topic' "…"\n`)
    expect((await barometer(`runs show 0000 --home "${other}"`, how)).err).toContain('“npx barometer runs list”')
    expect((await barometer('status --url http://127.0.0.1:9', how)).err).toContain('npx barometer serve\n')
    expect((await barometer('models --help', how)).out).toContain('$ npx barometer models list\n')
  })
})
