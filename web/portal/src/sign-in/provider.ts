/**
 * Signs in with an OpenID Connect provider: authorization code with PKCE, implemented by `oauth4webapi`.
 *
 * ```text
 *   begin() ── state, nonce, challenge ──▶ provider ── ?code&state ──▶ finish() ── code, verifier ──▶ token endpoint
 *                                                                        │
 *                                          token service ◀── token ──────┘
 * ```
 *
 * Only the configuration of the service decides where the browser goes, and the provider always returns it to this page:
 * nothing in the address of the page can change either. The service verifies the provider's tokens; the page only verifies
 * that they answer its own request.
 */

import * as oauth from "oauth4webapi";
import type { SignedIn } from "./account.ts";
import type { Attempt } from "./attempt.ts";
import { storeAttempt } from "./attempt.ts";
import type { IdentityProvider } from "./configuration.ts";
import { type Failure, SignInFailed } from "./failure.ts";
import { type RenewCredentials, tokensForProvider } from "./token-service.ts";

const MILLISECONDS_MAX = 15_000;
/** Providers for development on this machine have no certificate. */
const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];
/** The form of a JSON Web Token; the service reads no other tokens. */
const JSON_WEB_TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** The characters of an error code, RFC 6749 §4.1.2.1. The page shows at most 60 of them. */
const ERROR_CODE = /^[\x20-\x7e]{1,60}$/;

/** Leaves the page for the provider. */
export async function begin(provider: IdentityProvider, accountId: string): Promise<void> {
  const attempt: Attempt = {
    issuer: provider.issuer,
    accountId,
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    codeVerifier: oauth.generateRandomCodeVerifier(),
    startedAt: Date.now(),
  };
  const address = new URL(provider.authorizationEndpoint);
  const parameters = {
    response_type: "code",
    client_id: provider.clientId,
    redirect_uri: redirectUri(),
    scope: scope(provider),
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(attempt.codeVerifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  storeAttempt(attempt);
  location.assign(address);
}

/** Exchanges the provider's answer to the attempt for tokens. */
export async function finish(provider: IdentityProvider, attempt: Attempt, answer: URLSearchParams): Promise<SignedIn> {
  const server = serverOf(provider);
  const client: oauth.Client = { client_id: provider.clientId };
  const result = await orFailure(provider, async () => {
    const parameters = oauth.validateAuthResponse(server, client, answer, attempt.state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      oauth.None(),
      parameters,
      redirectUri(),
      attempt.codeVerifier,
      options(provider),
    );
    return oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: attempt.nonce });
  });
  const { accountId } = attempt;
  const renew = renewal(provider, result.refresh_token);
  return {
    accountId,
    person: personIn(result),
    tokens: await tokensForProvider(accountId, provider.name, credentialsIn(result), renew),
    renewable: renew !== null,
    signInAgain: () => void begin(provider, accountId),
  };
}

/** Returns a function that renews with the refresh token, which stays in memory; null if the provider gave none. */
function renewal(provider: IdentityProvider, first: string | undefined): RenewCredentials {
  if (first === undefined) return null;
  const server = serverOf(provider);
  const client: oauth.Client = { client_id: provider.clientId };
  let refreshToken = first;
  return async () => {
    const result = await orFailure(provider, async () => {
      const response = await oauth.refreshTokenGrantRequest(
        server,
        client,
        oauth.None(),
        refreshToken,
        options(provider),
      );
      return oauth.processRefreshTokenResponse(server, client, response);
    });
    refreshToken = result.refresh_token ?? refreshToken;
    return credentialsIn(result);
  };
}

async function orFailure<Result>(provider: IdentityProvider, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    throw new SignInFailed(failureOf(provider.name, cause), { cause });
  }
}

function failureOf(provider: string, cause: unknown): Failure {
  if (cause instanceof oauth.AuthorizationResponseError) return refusal(provider, cause.error);
  if (cause instanceof oauth.ResponseBodyError) {
    return cause.error === "invalid_grant" ? { why: "code", provider } : refusal(provider, cause.error);
  }
  // These are the errors of `fetch`: no connection, a refusal by CORS, or the deadline.
  if (cause instanceof TypeError || cause instanceof DOMException) return { why: "provider-silent", provider };
  return { why: "answer", provider };
}

function refusal(provider: string, code: string): Failure {
  if (code === "access_denied") return { why: "denied", provider };
  return { why: "provider-refused", provider, code: ERROR_CODE.test(code) ? code : "unknown error" };
}

/**
 * Returns the tokens that the service may accept. The identity token comes first: its audience is always this page, whereas
 * the access tokens of many providers are for the provider only.
 */
function credentialsIn({ access_token, id_token }: oauth.TokenEndpointResponse): readonly string[] {
  return [id_token, access_token].filter((token) => token !== undefined && JSON_WEB_TOKEN.test(token)) as string[];
}

function personIn(result: oauth.TokenEndpointResponse): string {
  const claims = oauth.getValidatedIdTokenClaims(result);
  const names = [claims?.["name"], claims?.["preferred_username"], claims?.["email"], claims?.sub];
  return names.find((name): name is string => typeof name === "string" && name !== "") ?? "";
}

function serverOf({ issuer, authorizationEndpoint, tokenEndpoint }: IdentityProvider): oauth.AuthorizationServer {
  return { issuer, authorization_endpoint: authorizationEndpoint, token_endpoint: tokenEndpoint };
}

function options({ tokenEndpoint }: IdentityProvider) {
  return {
    signal: AbortSignal.timeout(MILLISECONDS_MAX),
    [oauth.allowInsecureRequests]: LOOPBACK.includes(new URL(tokenEndpoint).hostname),
  };
}

/** Returns the address of this page, which an operator registers with the provider. */
function redirectUri(): string {
  return new URL("/", location.origin).href;
}

function scope({ scopes }: IdentityProvider): string {
  return [...new Set(["openid", ...scopes])].join(" ");
}
