/**
 * Signs in with the secret in the address that `remora up` prints.
 *
 * The secret is in the fragment, so that it appears in no log. The page removes it from the address immediately, and stores
 * it for this tab only, so that a reload works.
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

/** Returns true if the address contains a secret, for example that of a later start of the service. */
export function addressHasSecret(): boolean {
  return secretIn(location.hash) !== null;
}

/** Returns the secret in a fragment, or null. */
export function secretIn(fragment: string): string | null {
  const secret = new URLSearchParams(fragment.replace(/^#/, "")).get("secret");
  return secret === null || secret === "" ? null : secret;
}

/** Returns the secret of the address or, after a reload, of this tab. */
export function takeSecret(): string | null {
  const given = secretIn(location.hash);
  if (given === null) return sessionStorage.getItem(SECRET_KEY);
  sessionStorage.setItem(SECRET_KEY, given);
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}

/** Removes the secret from this tab. */
export function forgetSecret(): void {
  sessionStorage.removeItem(SECRET_KEY);
}

/** Exchanges the secret for an access token. */
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
