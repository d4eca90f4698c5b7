/**
 * Sends poses of the camera: immediately, but at most one every few milliseconds, and always the newest.
 *
 *   offer() ── quiet for COALESCE ──▶ send now
 *      └────── else ────────────────▶ kept, replaced by newer ones, sent when COALESCE is over
 *
 * The channel loses datagrams. The newest pose is therefore sent again, a bounded number of times, until a frame shows it.
 * Older poses are never repeated.
 */

import type { CameraPose } from "../camera/rig.ts";
import type { Scheduler } from "../scheduler.ts";

/** A mouse reports every 1 to 8 ms; a host cannot render more often than every 4 ms. */
export const COALESCE_MILLISECONDS = 4;
/** Longer than a frame takes on a slow machine, but short enough that a lost pose is hardly noticed. */
const REPEAT_MILLISECONDS = 120;
const REPEATS_MAX = 5;

/** A pose with the id under which the host refers to it. */
export interface NumberedPose {
  readonly id: number;
  readonly camera: CameraPose;
  readonly inputTimeMilliseconds: number;
}

/** Sends the poses of one connection. */
export class PoseSender {
  readonly #send: (pose: NumberedPose) => void;
  readonly #scheduler: Scheduler;
  #lastId = 0;
  #shownId = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #waiting: { camera: CameraPose; inputTimeMilliseconds: number } | null = null;
  #cancelTimer: () => void = () => {};

  constructor(send: (pose: NumberedPose) => void, scheduler: Scheduler) {
    this.#send = send;
    this.#scheduler = scheduler;
  }

  /** Takes a new pose. `inputTimeMilliseconds` is the time of the input event, the oldest one if poses are coalesced. */
  offer(camera: CameraPose, inputTimeMilliseconds: number): void {
    const kept = this.#waiting;
    this.#waiting = { camera, inputTimeMilliseconds: kept?.inputTimeMilliseconds ?? inputTimeMilliseconds };
    if (kept !== null) return;
    const wait = this.#sentAt + COALESCE_MILLISECONDS - this.#scheduler.now();
    if (wait <= 0) {
      this.#flush();
    } else {
      this.#schedule(wait, () => this.#flush());
    }
  }

  /** Notes that a frame has shown this pose, which therefore need not be repeated. */
  shown(poseId: number): void {
    this.#shownId = Math.max(this.#shownId, poseId);
  }

  /** Stops sending. */
  close(): void {
    this.#cancelTimer();
    this.#waiting = null;
  }

  #flush(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    this.#lastId += 1;
    this.#transmit({ id: this.#lastId, ...waiting }, 0);
  }

  #transmit(pose: NumberedPose, repeats: number): void {
    this.#sentAt = this.#scheduler.now();
    this.#send(pose);
    if (repeats === REPEATS_MAX) return;
    this.#schedule(REPEAT_MILLISECONDS * 2 ** repeats, () => {
      if (this.#shownId < pose.id) this.#transmit(pose, repeats + 1);
    });
  }

  /** Sets the only timer: a newer pose replaces the repetition of an older one. */
  #schedule(milliseconds: number, callback: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#scheduler.after(milliseconds, callback);
  }
}
