import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  DialogTrigger,
} from '@fluentui/react-components'

const KEYS: readonly [string, string][] = [
  ['/', 'Search'],
  ['g m', 'Mailboxes'],
  ['g r', 'Test runs'],
  ['g a', 'Alerts'],
  ['g p', 'Profiles'],
  ['g o', 'Overview'],
  ['j k or arrows', 'Move in the list'],
  ['Shift + arrows', 'Select a range'],
  ['x or space', 'Select'],
  ['t', 'Test & Enable'],
  ['a', 'Approve'],
  ['Enter', 'Open'],
  ['Esc', 'Close, or clear the selection'],
  ['?', 'This list'],
]

export function KeyHelp({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Dialog open={isOpen} onOpenChange={(_, { open }) => open || onClose()}>
      <DialogSurface aria-label="Keys" className="key-help">
        <DialogBody>
          <DialogTitle>Keys</DialogTitle>
          <DialogContent>
            <dl className="keys">
              {KEYS.map(([key, meaning]) => (
                <div key={key}>
                  <dt>
                    <kbd>{key}</kbd>
                  </dt>
                  <dd>{meaning}</dd>
                </div>
              ))}
            </dl>
          </DialogContent>
          <DialogActions>
            <DialogTrigger disableButtonEnhancement>
              <Button>Close</Button>
            </DialogTrigger>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  )
}
