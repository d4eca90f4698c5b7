/** Exchanges an account key or a provider's token for access tokens of this service. */

import { RequestRefused, TokenSource } from "@remora/sdk";
import { type Failure, SignInFailed } from "./failure.ts";

/** Other characters cannot be sent in a header. */
const SENDABLE = /^[\x20-\x7e]+$/;

/** Signs in with a key, which stays in memory for renewals. */
export async function tokensForKey(accountId: string, key: string): Promise<TokenSource> {
  if (!SENDABLE.test(accountId + key) || accountId.includes(":")) throw new SignInFailed({ why: "key" });
  const tokens = TokenSource.fromKey({ endpoint: location.origin, account: accountId, key });
  try {
    await tokens.token();
  } catch (error) {
    const status = statusOf(error);
    throw status === 401 || status === 403 ? new SignInFailed({ why: "key" }) : failed(error);
  }
  return tokens;
}

/** Obtains new tokens of a provider; null if only the person can do so. */
export type RenewCredentials = (() => Promise<readonly string[]>) | null;

/**
 * Signs in with one of these tokens of a provider. The provider and the configuration of the service determine which of them
 * the service accepts and which contains the role, so each one is tried in turn.
 */
export async function tokensForProvider(
  accountId: string,
  provider: string,
  credentials: readonly string[],
  renew: RenewCredentials,
): Promise<TokenSource> {
  let failure: Failure = { why: "token", provider };
  for (const [index, credential] of credentials.entries()) {
    let unused: string | null = credential;
    const identityToken = async (): Promise<string> => {
      const first = unused;
      unused = null;
      if (first !== null) return first;
      if (renew === null) throw new SignInFailed({ why: "renewal" });
      const renewed = await renew();
      return renewed[index] ?? renewed[0] ?? "";
    };
    const tokens = TokenSource.fromIdentity({ endpoint: location.origin, account: accountId, identityToken });
    try {
      await tokens.token();
      return tokens;
    } catch (error) {
      const status = statusOf(error);
      if (status === 401) continue;
      if (status === 403) {
        failure = { why: "no-role", provider, accountId };
        continue;
      }
      if (status === 503)
        throw new SignInFailed({ why: "unverifiable", provider, retryAfterSeconds: retryAfter(error) });
      throw failed(error);
    }
  }
  throw new SignInFailed(failure);
}

function failed(error: unknown): SignInFailed {
  const status = statusOf(error);
  const failure: Failure =
    status === null
      ? { why: "service-silent" }
      : status === 429
        ? { why: "too-many", retryAfterSeconds: retryAfter(error) }
        : { why: "service-failed", status };
  return new SignInFailed(failure, { cause: error });
}

function statusOf(error: unknown): number | null {
  return error instanceof RequestRefused ? error.status : null;
}

function retryAfter(error: unknown): number | null {
  return error instanceof RequestRefused ? error.retryAfterSeconds : null;
}
