import { useEffect, useRef, useState } from 'react'

const TINT_MS = 600

/** True for 600 ms after `signature` changed under the reader's eyes: one tint, no movement. `id` says whose signature it is. */
export function useTint(id: string, signature: string): boolean {
  const last = useRef({ id, signature })
  const [isTinted, setTinted] = useState(false)
  useEffect(() => {
    const hasChanged = last.current.id === id && last.current.signature !== signature
    last.current = { id, signature }
    if (!hasChanged) return
    setTinted(true)
    const timer = setTimeout(() => setTinted(false), TINT_MS)
    return () => clearTimeout(timer)
  }, [id, signature])
  return isTinted
}
