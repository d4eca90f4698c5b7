/**
 * Signs in with the secret of the address that `remora up` prints.
 *
 * The secret is a fragment, so that it reaches no log; it is taken out of the visible address at once and kept for this
 * tab only, so that a reload works.
 */

import type { Offer } from "./account.ts";
import { SignInFailed } from "./failure.ts";
import { request } from "./request.ts";

const SECRET_KEY = "remora.sign-in-secret";

interface SecretAnswer extends Offer {
  readonly accountId: string;
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

/** Whether the address brings a secret, as after another start of the service in the same tab. */
export function addressHasSecret(): boolean {
  return secretIn(location.hash) !== null;
}

export function secretIn(fragment: string): string | null {
  const secret = new URLSearchParams(fragment.replace(/^#/, "")).get("secret");
  return secret === null || secret === "" ? null : secret;
}

/** The secret of the address or, after a reload, of this tab. */
export function takeSecret(): string | null {
  const given = secretIn(location.hash);
  if (given === null) return sessionStorage.getItem(SECRET_KEY);
  sessionStorage.setItem(SECRET_KEY, given);
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}

export function forgetSecret(): void {
  sessionStorage.removeItem(SECRET_KEY);
}

export async function signInWithSecret(secret: string): Promise<SecretAnswer> {
  const response = await request("/portal/sign-in", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ secret }),
  });
  if (response.status === 401 || response.status === 404) {
    forgetSecret();
    throw new SignInFailed({ why: "secret" });
  }
  if (!response.ok) throw new SignInFailed({ why: "service-failed", status: response.status });
  return (await response.json()) as SecretAnswer;
}
