/** Sends requests to the service during a sign-in. */

import { SignInFailed } from "./failure.ts";

const MILLISECONDS_MAX = 15_000;

/** Sends a request with a deadline. Throws `SignInFailed` if there is no answer. */
export async function request(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, signal: AbortSignal.timeout(MILLISECONDS_MAX) });
  } catch (cause) {
    throw new SignInFailed({ why: "service-silent" }, { cause });
  }
}

/** Returns the seconds of `Retry-After`, or null if the answer has none. */
export function retryAfterSeconds(response: Response): number | null {
  const text = response.headers.get("Retry-After") ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}
