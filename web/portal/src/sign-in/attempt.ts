/**
 * Stores a sign-in at a provider while the browser is away from this page, to verify the answer.
 *
 * The attempt is stored for this tab only, and removed by the first answer, valid or not. It contains no secret that signs
 * in by itself: a sign-in needs the code in the answer and the verifier in the attempt.
 */

const KEY = "remora.sign-in-attempt";
const MILLISECONDS_MAX = 15 * 60_000;

/** A sign-in that was started. */
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

/** Stores an attempt for this tab. */
export function storeAttempt(attempt: Attempt): void {
  sessionStorage.setItem(KEY, JSON.stringify(attempt));
}

/** Removes and returns the attempt of this tab; null if there is none or it is too old. */
export function takeAttempt(): Attempt | null {
  const text = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (text === null) return null;
  const attempt = JSON.parse(text) as Attempt;
  return Date.now() - attempt.startedAt < MILLISECONDS_MAX ? attempt : null;
}

/** Removes the answer of a provider from the address of the page and returns it; null if there is none. */
export function takeAnswer(): URLSearchParams | null {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("code") && !answer.has("error") && !answer.has("state")) return null;
  history.replaceState(null, "", location.pathname);
  return answer;
}
