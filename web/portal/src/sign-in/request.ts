/** A request to the service during sign-in. It has a deadline, and silence is a `SignInFailed`. */

import { SignInFailed } from "./failure.ts";

const MILLISECONDS_MAX = 15_000;

export async function request(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, signal: AbortSignal.timeout(MILLISECONDS_MAX) });
  } catch (cause) {
    throw new SignInFailed({ why: "service-silent" }, { cause });
  }
}

/** The whole seconds of `Retry-After`; null where the answer has none. */
export function retryAfterSeconds(response: Response): number | null {
  const text = response.headers.get("Retry-After") ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}
