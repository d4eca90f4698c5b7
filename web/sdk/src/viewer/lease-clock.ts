/** Tells how much of a lease is left: pure, fed with what the service and the host report. */

/** An event of a lease. */
export type LeaseEvent =
  | { readonly kind: "lease"; readonly remainingMinutes: number }
  | { readonly kind: "lease-ending"; readonly remainingMinutes: number };

export class LeaseClock {
  readonly #warningMinutes: number;
  #endMilliseconds: number | null = null;
  #toldMinutes: number | null = null;
  #warned = false;

  constructor(warningMinutes: number) {
    this.#warningMinutes = warningMinutes;
  }

  /** The remaining minutes according to the last report, or null before the first. */
  remainingMinutes(nowMilliseconds: number): number | null {
    if (this.#endMilliseconds === null) return null;
    return Math.max(0, (this.#endMilliseconds - nowMilliseconds) / 60_000);
  }

  report(remainingMinutes: number, nowMilliseconds: number): void {
    this.#endMilliseconds = nowMilliseconds + remainingMinutes * 60_000;
    // An extended lease is worth another warning.
    if (remainingMinutes > this.#warningMinutes) this.#warned = false;
  }

  /** Returns the events that are due. */
  tick(nowMilliseconds: number): LeaseEvent[] {
    const remainingMinutes = this.remainingMinutes(nowMilliseconds);
    if (remainingMinutes === null) return [];
    const events: LeaseEvent[] = [];
    const whole = Math.ceil(remainingMinutes);
    if (whole !== this.#toldMinutes) {
      this.#toldMinutes = whole;
      events.push({ kind: "lease", remainingMinutes });
    }
    if (!this.#warned && remainingMinutes <= this.#warningMinutes) {
      this.#warned = true;
      events.push({ kind: "lease-ending", remainingMinutes });
    }
    return events;
  }
}
