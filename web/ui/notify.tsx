import {
  Toast,
  ToastBody,
  Toaster,
  ToastFooter,
  ToastTitle,
  ToastTrigger,
  useToastController,
} from '@fluentui/react-components'
import { type ReactElement, useCallback } from 'react'
import { announcer } from '../lib/announce'

const TOASTER = 'main'

export interface Notice {
  intent: 'success' | 'warning' | 'error' | 'info'
  title: string
  body?: string
  /** A link to what came of it; once followed, the notice has said what it had to. */
  footer?: ReactElement
}

/** The result of a command: said in a corner, never in a box that blocks. */
export function useNotify() {
  const { dispatchToast } = useToastController(TOASTER)
  return useCallback(
    ({ intent, title, body, footer }: Notice) => {
      announcer.say(body ? `${title}. ${body}` : title)
      dispatchToast(
        <Toast>
          <ToastTitle>{title}</ToastTitle>
          {body && <ToastBody>{body}</ToastBody>}
          {footer && (
            <ToastFooter>
              <ToastTrigger>{footer}</ToastTrigger>
            </ToastFooter>
          )}
        </Toast>,
        { intent, timeout: intent === 'success' || intent === 'info' ? 6_000 : 12_000, pauseOnHover: true },
      )
    },
    [dispatchToast],
  )
}

export const Notices = () => <Toaster toasterId={TOASTER} position="bottom-end" limit={3} announce={() => {}} />
