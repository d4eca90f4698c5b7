/**
 * Sends an HTTP request with a deadline, and turns every failure into a typed error.
 *
 *   fetch ─┬─▶ 2xx, and its whole body ────────────────────▶ Answer
 *          ├─▶ any other status ───────────────────────────▶ RequestRefused
 *          ├─▶ rejected by signal or deadline ─────────────▶ "aborted", "timeout"
 *          └─▶ rejected otherwise ─▶ GET /origin ─┬──▶ "origin-refused"
 *                                                 └──▶ "service-unreachable", "host-unreachable"
 *
 * Browsers do not tell a page why `fetch` failed. Services and render hosts therefore answer `GET /origin` to every page,
 * and say whether its origin is allowed.
 */

import { errorOfSignal, RemoraError, type RemoraErrorCode, RequestRefused } from "../errors.ts";
import { hasExpired } from "./token.ts";

const REQUEST_MILLISECONDS_MAX = 15_000;
const PROBE_MILLISECONDS_MAX = 5_000;

/** Options that every call of the REST interface and the token service accepts. */
export interface CallOptions {
  /** Aborts the call, which then rejects with the code `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link request}. */
export interface RequestOptions extends CallOptions {
  readonly fetch?: typeof fetch | undefined;
  readonly timeoutMilliseconds?: number;
  /** The token in the request, to distinguish an expired token from a wrong one. */
  readonly accessToken?: string;
  /** The error code if the server does not answer. */
  readonly unreachable?: "service-unreachable" | "host-unreachable";
}

/** A successful answer. */
export interface Answer {
  readonly headers: Headers;
  readonly body: string;
}

/** Sends a request; rejects with a `RemoraError` unless the answer is a success. */
export async function request(url: string, init: RequestInit, options: RequestOptions = {}): Promise<Answer> {
  const ask = options.fetch ?? ((input, settings) => fetch(input, settings));
  const deadline = AbortSignal.timeout(options.timeoutMilliseconds ?? REQUEST_MILLISECONDS_MAX);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  let response: Response;
  let body: string;
  try {
    response = await ask(url, { ...init, credentials: "omit", signal });
    body = await response.text();
  } catch (cause) {
    if (signal.aborted) throw errorOfSignal(signal);
    throw await unanswered(url, cause, ask, options);
  }
  if (!response.ok) throw refusalOf(response, body, options.accessToken);
  return { headers: response.headers, body };
}

/** Reads the body of an answer as JSON. */
export function jsonOf({ body }: Answer, url: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    const { pathname } = new URL(url, globalThis.location?.href);
    throw new RemoraError("unexpected-answer", `The answer of ${pathname} is not JSON.`, { cause });
  }
}

/** Returns the error for a request that got no answer. */
async function unanswered(
  url: string,
  cause: unknown,
  ask: typeof fetch,
  options: RequestOptions,
): Promise<RemoraError> {
  const server = new URL(url, globalThis.location?.href).origin;
  const refused = await refusesOrigin(server, ask, options.signal);
  if (options.signal?.aborted === true) return errorOfSignal(options.signal);
  if (refused) {
    const message =
      `${server} does not accept requests from pages of ${location.origin}. ` +
      `Add ${location.origin} to listen.origins of the service.`;
    return new RemoraError("origin-refused", message, { cause });
  }
  const code = options.unreachable ?? "service-unreachable";
  const name = code === "host-unreachable" ? "The render host" : "The service";
  const message = `${name} does not answer at ${server}. It is not running, not reachable, or its certificate is not trusted.`;
  return new RemoraError(code, message, { cause });
}

/** Asks a server whether it refuses the origin of this page. */
async function refusesOrigin(server: string, ask: typeof fetch, caller: AbortSignal | undefined): Promise<boolean> {
  if (globalThis.location === undefined || server === location.origin) return false;
  const deadline = AbortSignal.timeout(PROBE_MILLISECONDS_MAX);
  const signal = caller === undefined ? deadline : AbortSignal.any([caller, deadline]);
  try {
    const response = await ask(`${server}/origin`, { credentials: "omit", cache: "no-store", signal });
    const answer: unknown = await response.json();
    return typeof answer === "object" && answer !== null && "allowed" in answer && answer.allowed === false;
  } catch {
    return false;
  }
}

/** Errors for answers that come without a body. */
const WITHOUT_BODY: Readonly<Record<number, { serviceCode: string; message: string }>> = {
  401: { serviceCode: "Unauthorized", message: "The service does not accept the credentials." },
  403: { serviceCode: "Forbidden", message: "The account has no right to do this." },
  404: { serviceCode: "NotFound", message: "No session has this id." },
  429: {
    serviceCode: "TooManyRequests",
    message: "The service has received too many requests; try again in a moment.",
  },
};

/** Returns the error for a status other than 2xx; the body may be absent or have any form. */
function refusalOf(response: Response, body: string, accessToken: string | undefined): RequestRefused {
  const { status } = response;
  const { serviceCode, message } = errorIn(body) ??
    WITHOUT_BODY[status] ?? { serviceCode: "UnexpectedStatus", message: `The service answered with status ${status}.` };
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : null;
  const answer = { status, serviceCode, retryAfterSeconds };
  if (status === 401 && accessToken !== undefined && hasExpired(accessToken)) {
    return new RequestRefused("token-expired", "The access token has expired.", answer);
  }
  return new RequestRefused(CODES[serviceCode] ?? codeOfStatus(status), message, answer);
}

const CODES: Readonly<Record<string, RemoraErrorCode>> = {
  SessionInUse: "session-in-use",
  BadOffer: "offer-refused",
  Unavailable: "busy",
  QuotaExceeded: "quota-exceeded",
};

function codeOfStatus(status: number): RemoraErrorCode {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not-found";
    case 409:
      return "conflict";
    case 429:
      return "too-many-requests";
    case 503:
      return "busy";
    default:
      if (status >= 500) return "service-failed";
      return status >= 400 ? "bad-request" : "unexpected-answer";
  }
}

/** Reads `{"error":{"code","message"}}`, the form of errors in the REST interface and the handshake. */
function errorIn(body: string): { serviceCode: string; message: string } | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("error" in value)) return null;
  const { error } = value;
  if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error)) return null;
  if (typeof error.code !== "string" || typeof error.message !== "string") return null;
  return { serviceCode: error.code, message: error.message };
}
