import {
  Button,
  Menu,
  MenuDivider,
  MenuGroup,
  MenuGroupHeader,
  MenuItem,
  MenuItemRadio,
  MenuList,
  MenuPopover,
  MenuTrigger,
} from '@fluentui/react-components'
import { SignOutRegular } from '@fluentui/react-icons/svg/sign-out'
import { useMutation } from 'urql'
import { graphql } from '../gql/gql'
import { words } from '../lib/format'
import { chooseTheme, type ThemeChoice, useThemeChoice } from '../lib/theme'
import { useViewer } from '../lib/viewer'

const SignOutDocument = graphql(`
  mutation SignOut {
    signOut
  }
`)

/** Who is signed in, how the page looks, and the way out. */
export function AccountMenu({ onSignedOut }: { onSignedOut: () => void }) {
  const viewer = useViewer()
  const theme = useThemeChoice()
  const [, signOut] = useMutation(SignOutDocument)
  const initials = viewer.name.match(/\p{L}/gu)?.slice(0, 2).join('').toUpperCase() ?? '?'
  return (
    <Menu
      checkedValues={{ theme: [theme] }}
      onCheckedValueChange={(_, { checkedItems }) => chooseTheme((checkedItems[0] ?? 'system') as ThemeChoice)}
    >
      <MenuTrigger disableButtonEnhancement>
        <Button appearance="subtle" shape="circular" aria-label={`Account of ${viewer.name}`} className="account">
          {initials}
        </Button>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <div className="account-name">
            <strong>{viewer.name}</strong>
            <span className="quiet">{viewer.roles.map(words).join(', ')}</span>
          </div>
          <MenuDivider />
          <MenuGroup>
            <MenuGroupHeader>Theme</MenuGroupHeader>
            <MenuItemRadio name="theme" value="system">
              As the system
            </MenuItemRadio>
            <MenuItemRadio name="theme" value="light">
              Light
            </MenuItemRadio>
            <MenuItemRadio name="theme" value="dark">
              Dark
            </MenuItemRadio>
          </MenuGroup>
          <MenuDivider />
          <MenuItem icon={<SignOutRegular />} onClick={() => void signOut({}).then(onSignedOut)}>
            Sign out
          </MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  )
}
