/** Watches the ICE gathering of a connection, to explain why no network path was found and to notice early that none exists. */

import { RemoraError } from "../errors.ts";

/** The result of {@link watchIce}. */
export interface IceWatch {
  /** Returns the error for a connection that finds no path. */
  error(): RemoraError;
  /**
   * Aborted when gathering ends without a single candidate although TURN servers were tried, as in a browser that may use
   * relays only and whose credentials all servers refuse. The answer of the host contains its candidates, so no path can be
   * found then, and waiting is pointless.
   */
  readonly exhausted: AbortSignal;
}

/** Collects the candidates of a connection and the errors of its TURN servers. */
export function watchIce(connection: EventTarget, iceServers: readonly RTCIceServer[]): IceWatch {
  const failures = new Map<string, string>();
  const exhausted = new AbortController();
  let hasCandidate = false;
  let isRelayed = false;
  connection.addEventListener("icecandidate", (event) => {
    const { candidate } = event as RTCPeerConnectionIceEvent;
    if (candidate === null) {
      if (!hasCandidate && failures.size > 0) exhausted.abort();
    } else if (candidate.candidate !== "") {
      hasCandidate = true;
      if (candidate.type === "relay") isRelayed = true;
    }
  });
  connection.addEventListener("icecandidateerror", (event) => {
    const { url, errorCode, errorText } = event as RTCPeerConnectionIceErrorEvent;
    if (url !== null) failures.set(url, `${errorCode} ${errorText}`.trim());
  });
  return {
    exhausted: exhausted.signal,
    error() {
      const sentence = "The render host answered, but no network path to it was found.";
      if (iceServers.length === 0) {
        return new RemoraError("ice-failed", `${sentence} UDP may be blocked between here and the host.`);
      }
      if (isRelayed || failures.size === 0) return new RemoraError("ice-failed", sentence);
      const servers = [...failures].map(([url, reason]) => `${url} (${reason})`).join(", ");
      return new RemoraError("turn-failed", `${sentence} These TURN servers could not be used: ${servers}.`);
    },
  };
}
