import type { ProbeStep } from '../mail/probe'
import { type Direction, TestStatus } from '../mailboxes/mailbox.enums'
import type { DirectionResult } from './test-run.entity'

/** A test that is over sooner is told by its result alone: telling its steps too would only cost. */
const TOLD_AFTER_MS = 400
/** And a longer one is told at most so often. */
const TOLD_EVERY_MS = 500

/** The steps of one test under way, for those who watch. */
export class TestProgress {
  private readonly steps = new Map<Direction, Map<string, ProbeStep>>()
  private readonly beganAt = performance.now()
  private toldAt = 0
  private isNews = false

  note(direction: Direction, step: ProbeStep): void {
    const known = this.steps.get(direction) ?? new Map<string, ProbeStep>()
    known.set(step.name, step)
    this.steps.set(direction, known)
    this.isNews = true
  }

  /** What is to be told now, if anything. */
  news(now = performance.now()): DirectionResult[] | undefined {
    if (!this.isNews || now - this.beganAt < TOLD_AFTER_MS || now - this.toldAt < TOLD_EVERY_MS) return undefined
    this.isNews = false
    this.toldAt = now
    return [...this.steps].map(([direction, steps]) => ({
      direction,
      status: TestStatus.NOT_RUN,
      steps: [...steps.values()],
    }))
  }
}
