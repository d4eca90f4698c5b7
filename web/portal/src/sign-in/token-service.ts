/** The token service: an account's key, or a provider's token, for an access token of this service. */

import type { IssuedToken } from "./access-tokens.ts";
import { type Failure, SignInFailed } from "./failure.ts";
import { request, retryAfterSeconds } from "./request.ts";

/** Used where a token does not say how long it is valid; shorter than any that the service issues. */
const LIFE_SECONDS_MIN = 600;

export async function tokenForKey(accountId: string, key: string): Promise<IssuedToken> {
  // The service answers ids that cannot exist like unknown ones; a header cannot carry every character.
  if (!/^[\x20-\x7e]+$/.test(accountId + key) || accountId.includes(":")) throw new SignInFailed({ why: "key" });
  const response = await ask(accountId, `${accountId}:${key}`);
  if (response.ok) return issued(response);
  if (response.status === 401 || response.status === 403) throw new SignInFailed({ why: "key" });
  throw new SignInFailed(otherwise(response));
}

/**
 * `credentials` are tokens of one provider. Which of them the service accepts depends on the audience that its operator has
 * configured, so the next is presented where one is not accepted.
 */
export async function tokenForProvider(
  accountId: string,
  provider: string,
  credentials: readonly string[],
): Promise<IssuedToken> {
  for (const credential of credentials) {
    const response = await ask(accountId, credential);
    if (response.ok) return issued(response);
    if (response.status === 401) continue;
    if (response.status === 403) throw new SignInFailed({ why: "no-role", provider, accountId });
    if (response.status === 503) {
      throw new SignInFailed({ why: "unverifiable", provider, retryAfterSeconds: retryAfterSeconds(response) });
    }
    throw new SignInFailed(otherwise(response));
  }
  throw new SignInFailed({ why: "token", provider });
}

function ask(accountId: string, credential: string): Promise<Response> {
  const headers = { Authorization: `Bearer ${credential}`, Accept: "application/json" };
  return request(`/accounts/${encodeURIComponent(accountId)}/token`, { headers });
}

function otherwise(response: Response): Failure {
  if (response.status === 429) return { why: "too-many", retryAfterSeconds: retryAfterSeconds(response) };
  return { why: "service-failed", status: response.status };
}

async function issued(response: Response): Promise<IssuedToken> {
  const { AccessToken: accessToken } = (await response.json()) as { AccessToken: string };
  return { accessToken, expiresInSeconds: lifeSeconds(accessToken) };
}

/** By how much a token outlives its issue. The clocks of this machine and of the service need not agree. */
export function lifeSeconds(token: string): number {
  const { exp, iat, nbf } = claimsOf(token);
  const begin = typeof iat === "number" ? iat : nbf;
  return typeof exp === "number" && typeof begin === "number" && exp > begin ? exp - begin : LIFE_SECONDS_MIN;
}

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  const payload = token.split(".")[1] ?? "";
  try {
    return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as Record<string, unknown>;
  } catch {
    return {};
  }
}
