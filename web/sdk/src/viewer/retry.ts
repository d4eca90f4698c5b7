/** Decides whether and when a viewer tries to connect again: pure. */

import { type RemoraError, RequestRefused } from "../errors.ts";

const PAUSE_MILLISECONDS_MIN = 300;
const PAUSE_MILLISECONDS_MAX = 5_000;
/** A host takes this long to notice that a client which fell silent is gone. */
const OWN_CONNECTION_MILLISECONDS_MAX = 30_000;

/** The history of a viewer's attempts. */
export interface Attempts {
  /** Since the first of them failed, or since the connection was lost. */
  readonly sinceMilliseconds: number;
  /** The host answered one of them, or the viewer was connected before: the host may hold a connection of this viewer. */
  readonly reachedHost: boolean;
}

/** True if the same attempt can succeed later, while the session stays ready. */
export function mayRetry({ code }: RemoraError, attempts: Attempts, nowMilliseconds: number): boolean {
  switch (code) {
    case "host-unreachable":
    case "service-unreachable":
    case "ice-failed":
    case "turn-failed":
    case "timeout":
    case "busy":
    case "closed":
    case "service-failed":
    case "too-many-requests":
      return true;
    case "session-in-use":
      return attempts.reachedHost && nowMilliseconds - attempts.sinceMilliseconds < OWN_CONNECTION_MILLISECONDS_MAX;
    default:
      return false;
  }
}

/** The host answered, although the attempt failed. */
export function hasReachedHost({ code }: RemoraError): boolean {
  return code === "ice-failed" || code === "turn-failed" || code === "timeout" || code === "closed";
}

/** The pause before an attempt; the first has number 1. */
export function pauseBefore(attempt: number, error: RemoraError): number {
  const pause = Math.min(PAUSE_MILLISECONDS_MAX, PAUSE_MILLISECONDS_MIN * 2 ** (attempt - 1));
  const asked = error instanceof RequestRefused ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
  return Math.max(pause, asked);
}
