/**
 * A source of access tokens: caches one, and renews it before it expires.
 *
 *   token() ─┬─ the cached token is fresh ────────────▶ it
 *            ├─ a request is running ─────────────────▶ its result
 *            └─ else ─▶ account key, identity token or callback ─▶ a new token, cached
 *
 * All callers share one request. A caller that aborts stops waiting; the request continues for the others.
 */

import { abortable, errorOf, RemoraError } from "../errors.ts";
import { type CallOptions, jsonOf, request } from "./request.ts";
import { lifetimeOf } from "./token.ts";

/** A token is renewed when less than this, or less than a fifth of its lifetime, remains. */
const RENEWAL_MILLISECONDS_MAX = 5 * 60_000;
const RENEWAL_FRACTION = 0.2;

/** A token that a callback obtained, with its lifetime if the token itself does not contain it. */
export interface IssuedToken {
  readonly accessToken: string;
  readonly expiresInSeconds?: number;
}

/** Obtains a new access token, for example from the server of the page. */
export type TokenCallback = (signal: AbortSignal) => Promise<string | IssuedToken>;

/** The account of a service that issues access tokens. */
export interface TokenService extends CallOptions {
  /** The address of the service, for example `https://render.example.com`. */
  readonly endpoint: string;
  /** The id of the account. */
  readonly account: string;
  /** Replaces the `fetch` of the browser. */
  readonly fetch?: typeof fetch;
}

interface CachedToken {
  readonly accessToken: string;
  /** Milliseconds since 1970 at which the token is replaced. */
  readonly renewAt: number;
  /** Milliseconds since 1970 until which servers accept the token. */
  readonly endsAt: number;
}

/** Visible ASCII characters. Rejects, for example, the sign-in page of a server, which contains spaces. */
const SENDABLE = /^[\x21-\x7e]+$/;
const CALLBACK_MILLISECONDS_MAX = 30_000;
/** The pause after a renewal that failed, while the cached token is still valid. */
const RETRY_MILLISECONDS = 30_000;

/** Provides access tokens to the REST client and to connections. */
export class TokenSource {
  readonly #obtain: TokenCallback;
  readonly #now: () => number;
  #cached: CachedToken | null = null;
  #pending: Promise<string> | null = null;

  /** Creates a source from a callback. `now` returns milliseconds since 1970; tests replace it. */
  constructor(obtain: TokenCallback, now: () => number = Date.now) {
    this.#obtain = obtain;
    this.#now = now;
  }

  /** Exchanges an account key for access tokens. The key gives all rights in the account: never put it into a public page. */
  static fromKey(service: TokenService & { readonly key: string }): TokenSource {
    return new TokenSource((signal) => exchange(service, `${service.account}:${service.key}`, signal));
  }

  /** Exchanges the access tokens of an OpenID Connect provider that the service trusts. */
  static fromIdentity(
    service: TokenService & { readonly identityToken: string | (() => string | Promise<string>) },
  ): TokenSource {
    const { identityToken } = service;
    return new TokenSource(async (signal) => {
      const credentials = typeof identityToken === "string" ? identityToken : await identityToken();
      return exchange(service, credentials, signal);
    });
  }

  /** Calls back for the first token, and whenever a token is about to expire. */
  static fromCallback(obtain: TokenCallback): TokenSource {
    return new TokenSource(obtain);
  }

  /**
   * Requests tokens from the page's own server, which knows who is signed in. The server answers with an access token as
   * text, or as `{"accessToken": "…", "expiresInSeconds": 3600}`.
   */
  static fromServer(address: string): TokenSource {
    return new TokenSource((signal) => askServer(address, signal));
  }

  /** Always provides the same token, which is never renewed. */
  static fixed(accessToken: string): TokenSource {
    return new TokenSource(async () => accessToken);
  }

  /** The newest token, or null. It may be about to expire. */
  get latest(): string | null {
    return this.#cached?.accessToken ?? null;
  }

  /** The expiry of the cached token in milliseconds since 1970; null while none is cached. */
  get endsAt(): number | null {
    return this.#cached?.endsAt ?? null;
  }

  /** Returns an access token that is not about to expire. */
  async token(options: CallOptions = {}): Promise<string> {
    const cached = this.#cached;
    if (cached !== null && this.#now() < cached.renewAt) return cached.accessToken;
    this.#pending ??= this.#renewOrKeep().finally(() => {
      this.#pending = null;
    });
    return abortable(this.#pending, options.signal);
  }

  /** Drops a token that a server refused, so that the next call obtains a new one. */
  refused(accessToken: string): void {
    if (this.#cached?.accessToken === accessToken) this.#cached = null;
  }

  /** Renews the token. If that fails while the cached token is valid, uses the cached token and tries again after a pause. */
  async #renewOrKeep(): Promise<string> {
    try {
      return await this.#renew();
    } catch (error) {
      const [cached, now] = [this.#cached, this.#now()];
      if (cached === null || now >= cached.endsAt) throw error;
      this.#cached = { ...cached, renewAt: Math.min(now + RETRY_MILLISECONDS, cached.endsAt) };
      return cached.accessToken;
    }
  }

  async #renew(): Promise<string> {
    const deadline = AbortSignal.timeout(CALLBACK_MILLISECONDS_MAX);
    const answer = await abortable(this.#obtain(deadline), deadline).catch((error: unknown) => {
      throw errorOfCallback(error);
    });
    const issued: IssuedToken = typeof answer === "string" ? { accessToken: answer } : answer;
    if (!SENDABLE.test(issued.accessToken)) {
      throw new RemoraError("unauthorized", "The token callback returned something that is not an access token.");
    }
    this.#cached = this.#keep(issued);
    return issued.accessToken;
  }

  #keep({ accessToken, expiresInSeconds }: IssuedToken): CachedToken {
    const now = this.#now();
    // A token without a known lifetime is not cached: the callback decides when to renew it.
    const lifetime = (expiresInSeconds === undefined ? lifetimeOf(accessToken, now) : expiresInSeconds * 1_000) ?? 0;
    const endsAt = now + lifetime;
    return { accessToken, renewAt: endsAt - Math.min(RENEWAL_MILLISECONDS_MAX, lifetime * RENEWAL_FRACTION), endsAt };
  }
}

/** A source of access tokens. A string is used unchanged; a callback is called again before a token expires. */
export type AccessToken = string | (() => string | Promise<string>) | TokenSource;

/** Turns any form of access token into a source. */
export function tokenSourceOf(accessToken: AccessToken): TokenSource {
  if (accessToken instanceof TokenSource) return accessToken;
  return typeof accessToken === "string"
    ? TokenSource.fixed(accessToken)
    : TokenSource.fromCallback(async () => accessToken());
}

/** Turns the error of a callback into a `RemoraError`. `fetch` throws these two types if a server does not answer. */
function errorOfCallback(error: unknown): RemoraError {
  if (!(error instanceof TypeError || error instanceof DOMException)) return errorOf(error);
  return new RemoraError("service-unreachable", `No access token was obtained: ${error.message}`, { cause: error });
}

async function askServer(address: string, signal: AbortSignal): Promise<string | IssuedToken> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(address, { signal, credentials: "same-origin" });
    text = (await response.text()).trim();
  } catch (cause) {
    throw new RemoraError("service-unreachable", `${address} does not answer with an access token.`, { cause });
  }
  if (!response.ok) {
    throw new RemoraError(
      "unauthorized",
      `${address} answered with status ${response.status} instead of an access token.`,
    );
  }
  if (!text.startsWith("{")) return text;
  const { accessToken = "", expiresInSeconds }: Partial<IssuedToken> = JSON.parse(text);
  return expiresInSeconds === undefined ? { accessToken } : { accessToken, expiresInSeconds };
}

/** Exchanges credentials for an access token: `GET /accounts/{account}/token`. */
async function exchange(service: TokenService, credentials: string, signal: AbortSignal): Promise<string> {
  const url = `${service.endpoint}/accounts/${encodeURIComponent(service.account)}/token`;
  const headers = { Authorization: `Bearer ${credentials}`, Accept: "application/json" };
  const answer = jsonOf(await request(url, { headers }, { fetch: service.fetch, signal }), url);
  if (typeof answer === "object" && answer !== null && "AccessToken" in answer) {
    if (typeof answer.AccessToken === "string") return answer.AccessToken;
  }
  throw new RemoraError("unexpected-answer", `The answer of ${url} contains no AccessToken.`);
}
