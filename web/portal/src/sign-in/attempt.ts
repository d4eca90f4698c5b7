/**
 * A sign-in at a provider while the browser is away from this page: what its answer is compared with.
 *
 * It is kept for this tab only, is taken out when the first answer comes, right or wrong, and holds nothing that signs in
 * by itself: the code in the answer and the verifier here are both needed.
 */

const KEY = "remora.sign-in-attempt";
const MILLISECONDS_MAX = 15 * 60_000;

export interface Attempt {
  /** The provider's issuer. */
  readonly issuer: string;
  readonly accountId: string;
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

export function keepAttempt(attempt: Attempt): void {
  sessionStorage.setItem(KEY, JSON.stringify(attempt));
}

/** The attempt that this tab has started, once; null where there is none or it is too old. */
export function takeAttempt(): Attempt | null {
  const text = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (text === null) return null;
  const attempt = JSON.parse(text) as Attempt;
  return Date.now() - attempt.startedAt < MILLISECONDS_MAX ? attempt : null;
}

/** The answer of a provider in the address of the page, which is cleared of it; null where there is none. */
export function takeAnswer(): URLSearchParams | null {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("code") && !answer.has("error") && !answer.has("state")) return null;
  history.replaceState(null, "", location.pathname);
  return answer;
}
