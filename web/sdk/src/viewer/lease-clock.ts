/** Computes the remaining lease from the reports of the service and of the host. Reads no clock. */

/** An event of a lease. */
export type LeaseEvent =
  | { readonly kind: "lease"; readonly remainingMinutes: number }
  | { readonly kind: "lease-ending"; readonly remainingMinutes: number };

/** The remaining lease of one session. */
export class LeaseClock {
  readonly #warningMinutes: number;
  #endMilliseconds: number | null = null;
  #reportedMinutes: number | null = null;
  #warned = false;

  constructor(warningMinutes: number) {
    this.#warningMinutes = warningMinutes;
  }

  /** Returns the remaining minutes according to the latest report, or null before the first one. */
  remainingMinutes(nowMilliseconds: number): number | null {
    if (this.#endMilliseconds === null) return null;
    return Math.max(0, (this.#endMilliseconds - nowMilliseconds) / 60_000);
  }

  /** Takes the remaining minutes from a report. */
  report(remainingMinutes: number, nowMilliseconds: number): void {
    this.#endMilliseconds = nowMilliseconds + remainingMinutes * 60_000;
    // An extended lease gets another warning.
    if (remainingMinutes > this.#warningMinutes) this.#warned = false;
  }

  /** Returns the events that are due. */
  tick(nowMilliseconds: number): LeaseEvent[] {
    const remainingMinutes = this.remainingMinutes(nowMilliseconds);
    if (remainingMinutes === null) return [];
    const events: LeaseEvent[] = [];
    const whole = Math.ceil(remainingMinutes);
    if (whole !== this.#reportedMinutes) {
      this.#reportedMinutes = whole;
      events.push({ kind: "lease", remainingMinutes });
    }
    if (!this.#warned && remainingMinutes <= this.#warningMinutes) {
      this.#warned = true;
      events.push({ kind: "lease-ending", remainingMinutes });
    }
    return events;
  }
}
