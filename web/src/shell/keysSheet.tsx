import { useStore } from '../api/store.ts'
import { Key } from '../parts/button.tsx'
import { Sheet } from '../parts/sheet.tsx'
import { keysOn, switchKeys } from '../state/keys.ts'

const GROUPS: readonly (readonly [string, readonly (readonly [keys: readonly string[], what: string])[]])[] = [
  [
    'Everywhere',
    [
      [['t'], 'Try it'],
      [['l'], 'Live'],
      [['m'], 'Models'],
      [['/'], 'Go to the text or the search'],
      [['d'], 'Theme: system, light, dark'],
      [['?'], 'This sheet'],
    ],
  ],
  [
    'Try it',
    [
      [['Enter'], 'Log the prediction'],
      [['Shift', 'Enter'], 'New line'],
      [['Esc'], 'Leave the text'],
    ],
  ],
  [
    'Live',
    [
      [['j', 'k'], 'Next, previous prediction'],
      [['1', '…', '9'], 'Say the true label'],
      [['u'], 'Take the last label back'],
      [['p'], 'Pause, go on'],
      [['Esc'], 'Back to the stream'],
    ],
  ],
]

export function KeysSheet({ onClose }: { onClose: () => void }) {
  const on = useStore(keysOn)
  return (
    <Sheet title="Keyboard" onClose={onClose}>
      <div className="grid gap-5">
        {GROUPS.map(([name, keys]) => (
          <section key={name} aria-label={name}>
            <h3 className="mb-2 text-xs text-soft">{name}</h3>
            <dl className="grid gap-1.5 text-sm">
              {keys.map(([presses, what]) => (
                <div key={what} className="grid grid-cols-[7rem_1fr] items-center">
                  <dt className="flex gap-1">
                    {presses.map((press) => (
                      <Key key={press}>{press}</Key>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <label className="flex cursor-pointer items-center gap-2.5 border-t border-line pt-4 text-sm">
          <input
            type="checkbox"
            checked={on}
            onChange={(event) => switchKeys(event.target.checked)}
            className="size-4 accent-(--color-accent)"
          />
          Single-key shortcuts
        </label>
      </div>
    </Sheet>
  )
}
