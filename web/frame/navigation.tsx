import { AlertRegular } from '@fluentui/react-icons/svg/alert'
import { DataBarHorizontalRegular } from '@fluentui/react-icons/svg/data-bar-horizontal'
import { HomeRegular } from '@fluentui/react-icons/svg/home'
import { MailMultipleRegular } from '@fluentui/react-icons/svg/mail-multiple'
import { ServerRegular } from '@fluentui/react-icons/svg/server'
import type { ReactElement } from 'react'
import { count } from '../lib/format'
import { usePlace } from '../lib/router'
import { Link } from '../ui/link'
import { useBadges } from './badges'

interface Item {
  path: string
  name: string
  icon: ReactElement
  /** The number beside it, and what it says. */
  badge?: { value: number; meaning: string; isUrgent?: boolean }
}

export function Navigation() {
  const { path } = usePlace()
  const { running, openAlerts, failed } = useBadges()
  const items: Item[] = [
    { path: '/', name: 'Overview', icon: <HomeRegular /> },
    {
      path: '/mailboxes',
      name: 'Mailboxes',
      icon: <MailMultipleRegular />,
      badge: { value: failed, meaning: 'failed', isUrgent: true },
    },
    { path: '/profiles', name: 'Profiles', icon: <ServerRegular /> },
    {
      path: '/test-runs',
      name: 'Test runs',
      icon: <DataBarHorizontalRegular />,
      badge: { value: running, meaning: 'running' },
    },
    {
      path: '/alerts',
      name: 'Alerts',
      icon: <AlertRegular />,
      badge: { value: openAlerts, meaning: 'open', isUrgent: true },
    },
  ]
  return (
    <nav className="navigation" aria-label="Pages">
      {items.map((item) => {
        const isHere = item.path === '/' ? path === '/' : path === item.path || path.startsWith(`${item.path}/`)
        return (
          <Link
            key={item.path}
            href={item.path}
            className="nav-item"
            aria-current={isHere ? 'page' : undefined}
            title={item.name}
          >
            <span className="nav-icon" aria-hidden="true">
              {item.icon}
            </span>
            <span className="nav-name">{item.name}</span>
            {item.badge && item.badge.value > 0 && (
              <span
                className={item.badge.isUrgent ? 'nav-badge nav-badge-urgent' : 'nav-badge'}
                title={`${count(item.badge.value)} ${item.badge.meaning}`}
              >
                {short(item.badge.value)}
                <span className="visually-hidden"> {item.badge.meaning}</span>
              </span>
            )}
          </Link>
        )
      })}
    </nav>
  )
}

/** 12,431 does not fit beside a name: 12k does. */
const short = (value: number) =>
  value < 1_000 ? String(value) : value < 10_000 ? `${(value / 1_000).toFixed(1)}k` : `${Math.floor(value / 1_000)}k`
