/**
 * Stores the secret by which a render host recognises its first client, if sessions are reserved for that client.
 *
 * The secret is in the session storage of the tab: it survives a reload of the page, and is gone when the tab is closed.
 * Without session storage, a page connects under the rules for new clients.
 */

import type { HostAddress } from "./handshake.ts";

const HEADER = "Remora-Resume";

/** Returns the headers of an offer to this host. */
export function resumeHeaders(host: HostAddress): Record<string, string> {
  const secret = storage()?.getItem(keyOf(host)) ?? null;
  return secret === null ? {} : { [HEADER]: secret };
}

/** Stores the secret in the answer of a host. */
export function storeResume(host: HostAddress, answer: Headers): void {
  const secret = answer.get(HEADER);
  if (secret !== null) storage()?.setItem(keyOf(host), secret);
}

/** Returns the storage key of a host, which has one session during its whole life. */
function keyOf({ hostname, handshakePort }: HostAddress): string {
  return `remora-resume:${hostname}:${handshakePort}`;
}

function storage(): Storage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    // Sandboxed pages have no storage.
    return undefined;
  }
}
