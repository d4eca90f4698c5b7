/** Decides whether and when a viewer tries to connect again. Reads no clock. */

import { type RemoraError, RequestRefused } from "../errors.ts";

const PAUSE_MILLISECONDS_MIN = 300;
const PAUSE_MILLISECONDS_MAX = 5_000;
/** The longest time in which a host notices that a silent client is gone. */
const OWN_CONNECTION_MILLISECONDS_MAX = 30_000;

/** A host reserves its place for this long for a client that it has answered, even if no path is found. */
const PENDING_CONNECTION_MILLISECONDS_MAX = 11_000;

/** The history of a viewer's attempts to connect. */
export interface AttemptHistory {
  /** The time at which the first attempt started, or the connection was lost. */
  readonly sinceMilliseconds: number;
  /** True if the host answered an attempt or the viewer was connected: the host may still hold that connection. */
  readonly reachedHost: boolean;
}

/** Returns true if the same attempt can succeed later, while the session stays ready. */
export function mayRetry({ code }: RemoraError, history: AttemptHistory, nowMilliseconds: number): boolean {
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
      return history.reachedHost && nowMilliseconds - history.sinceMilliseconds < OWN_CONNECTION_MILLISECONDS_MAX;
    default:
      return false;
  }
}

/** Returns true if the host answered, although the attempt failed. */
export function hasReachedHost({ code }: RemoraError): boolean {
  return code === "ice-failed" || code === "turn-failed" || code === "timeout" || code === "closed";
}

/**
 * Returns the pause after the attempt with this number, which took some time; all in milliseconds. The first attempt has
 * number 1. After an attempt that found no path, the host first has to give up the connection that it waits for.
 */
export function pauseAfter(attempt: number, error: RemoraError, tookMilliseconds: number): number {
  const pause = Math.min(PAUSE_MILLISECONDS_MAX, PAUSE_MILLISECONDS_MIN * 2 ** (attempt - 1));
  const asked = error instanceof RequestRefused ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
  const isPending = error.code === "ice-failed" || error.code === "turn-failed";
  return Math.max(pause, asked, isPending ? PENDING_CONNECTION_MILLISECONDS_MAX - tookMilliseconds : 0);
}
