import { Button, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger } from '@fluentui/react-components'
import { ChevronDownRegular } from '@fluentui/react-icons/svg/chevron-down'
import type { MailboxView } from '../gql/graphql'
import { count } from '../lib/format'
import { MORE_VIEWS, SHOWN_VIEWS, viewName } from './views'

interface Props {
  view: MailboxView
  counts: ReadonlyMap<MailboxView, number>
  onChoose: (view: MailboxView) => void
}

/** The views with their live counts; the rarer ones behind "More views". */
export function ViewChips({ view, counts, onChoose }: Props) {
  const isRare = MORE_VIEWS.some((each) => each.view === view)
  const shown = isRare ? [...SHOWN_VIEWS, viewName(view)] : SHOWN_VIEWS
  return (
    <nav className="chips" aria-label="Views">
      {shown.map((each) => (
        <button
          key={each.view}
          type="button"
          className="chip"
          aria-current={each.view === view || undefined}
          onClick={() => onChoose(each.view)}
        >
          {each.name}
          {counts.has(each.view) && <span className="chip-count">{count(counts.get(each.view) ?? 0)}</span>}
        </button>
      ))}
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <Button
            appearance="subtle"
            size="small"
            icon={<ChevronDownRegular />}
            iconPosition="after"
            className="chip-more"
          >
            More views
          </Button>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            {MORE_VIEWS.map((each) => (
              <MenuItem
                key={each.view}
                secondaryContent={count(counts.get(each.view) ?? 0)}
                onClick={() => onChoose(each.view)}
              >
                {each.name}
              </MenuItem>
            ))}
          </MenuList>
        </MenuPopover>
      </Menu>
    </nav>
  )
}
