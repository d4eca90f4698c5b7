/**
 * What can go wrong when the service is asked, as types: `RequestRefused` where it answered, `ServiceUnreachable` where
 * it did not, `SessionNotReady` where a session came to its end before it became ready.
 */

/** The service answered with an error. `code` is for programs, `message` for people. */
export class RequestRefused extends Error {
  override readonly name = "RequestRefused";
  readonly status: number;
  readonly code: string;
  /** Seconds after which the service wants to be asked again, where it said so. */
  readonly retryAfterSeconds: number | null;

  constructor(status: number, code: string, message: string, retryAfterSeconds: number | null = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** No answer: the address is wrong, the network is down, or the wait was too long. */
export class ServiceUnreachable extends Error {
  override readonly name = "ServiceUnreachable";

  constructor(address: string, cause: unknown) {
    super(`No answer from ${address}: is the service running and reachable?`, { cause });
  }
}

/** The session ended, or did not become ready in time. */
export class SessionNotReady extends Error {
  override readonly name = "SessionNotReady";
}

/** What the statuses mean that come without a body. */
const WITHOUT_BODY: Readonly<Record<number, { code: string; message: string }>> = {
  401: { code: "Unauthorized", message: "The access token is missing, wrong or expired." },
  403: { code: "Forbidden", message: "This account may not do that." },
  404: { code: "NotFound", message: "There is no session with this id." },
  429: { code: "TooManyRequests", message: "Too many requests; try again in a moment." },
};

/** Reads an answer other than 2xx; the body may be absent or anything. */
export async function refusalOf(response: Response): Promise<RequestRefused> {
  const { code, message } = errorIn(await response.text().catch(() => "")) ??
    WITHOUT_BODY[response.status] ?? {
      code: "UnexpectedStatus",
      message: `The service answered with status ${response.status}.`,
    };
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new RequestRefused(response.status, code, message, Number.isFinite(retryAfter) ? retryAfter : null);
}

/** `{"error":{"code","message"}}`, the one shape of errors in both the REST interface and the handshake. */
function errorIn(body: string): { code: string; message: string } | null {
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
  return { code: error.code, message: error.message };
}
