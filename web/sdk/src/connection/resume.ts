/**
 * The secret by which a render host knows its client again, where a session is its first client's until it is stopped.
 *
 * Kept in the session storage of the tab, so that the page may be loaded again; gone with the tab. A page that has no
 * such storage connects as often as the host lets anybody connect.
 */

import type { HostAddress } from "./handshake.ts";

const HEADER = "Remora-Resume";

/** Headers of an offer to this host. */
export function resumeHeaders(host: HostAddress): Record<string, string> {
  const secret = storage()?.getItem(keyOf(host)) ?? null;
  return secret === null ? {} : { [HEADER]: secret };
}

/** Keeps what the host's answer says. */
export function keepResume(host: HostAddress, answer: Headers): void {
  const secret = answer.get(HEADER);
  if (secret !== null) storage()?.setItem(keyOf(host), secret);
}

/** A host has one session for all its life. */
function keyOf({ hostname, handshakePort }: HostAddress): string {
  return `remora-resume:${hostname}:${handshakePort}`;
}

function storage(): Storage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    // Refused to pages in a sandbox.
    return undefined;
  }
}
