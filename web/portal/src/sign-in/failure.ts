/** Lists every way in which a sign-in fails, with the sentence that the page shows. */

/** The reason of a failed sign-in. */
export type Failure =
  /** The loopback secret is missing, or belongs to an earlier start. */
  | { readonly why: "secret" }
  /** The service is configured without any way to sign in on this page. */
  | { readonly why: "no-way" }
  | { readonly why: "service-silent" }
  | { readonly why: "service-failed"; readonly status: number }
  /** The token service answers unknown accounts and wrong keys alike. */
  | { readonly why: "key" }
  | { readonly why: "too-many"; readonly retryAfterSeconds: number | null }
  /** The service cannot fetch the provider's keys at the moment. */
  | { readonly why: "unverifiable"; readonly provider: string; readonly retryAfterSeconds: number | null }
  /** The service does not accept the provider's token. */
  | { readonly why: "token"; readonly provider: string }
  /** The token is valid, but gives no role in the account. */
  | { readonly why: "no-role"; readonly provider: string; readonly accountId: string }
  | { readonly why: "account-missing"; readonly provider: string }
  /** The answer in the address does not belong to a sign-in that this tab has started. */
  | { readonly why: "state" }
  | { readonly why: "denied"; readonly provider: string }
  | { readonly why: "provider-refused"; readonly provider: string; readonly code: string }
  | { readonly why: "provider-silent"; readonly provider: string }
  /** The code has been used before, or has expired. */
  | { readonly why: "code"; readonly provider: string }
  /** The issuer, audience, nonce or time of the provider's answer does not match this sign-in. */
  | { readonly why: "answer"; readonly provider: string }
  | { readonly why: "renewal" };

/** A sign-in that failed; the message is meant for people. */
export class SignInFailed extends Error {
  override readonly name = "SignInFailed";
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(sentenceOf(failure), options);
    this.failure = failure;
  }
}

function sentenceOf(failure: Failure): string {
  switch (failure.why) {
    case "secret":
      return "Open the address that “remora up” printed when it started. Each start prints a new one.";
    case "no-way":
      return "This service offers no way to sign in here. Ask its operator.";
    case "service-silent":
      return "The service does not answer. Check the network, and that the service is running; then try again.";
    case "service-failed":
      return `The service answered with status ${failure.status}. Try again, or ask its operator.`;
    case "key":
      return "There is no such account, or the key is not its key. Check both.";
    case "too-many":
      return `There have been too many attempts. Try again ${after(failure.retryAfterSeconds)}.`;
    case "unverifiable":
      return `The service cannot reach ${failure.provider} to verify the sign-in. Try again ${after(failure.retryAfterSeconds)}.`;
    case "token":
      return `The service does not accept the token from ${failure.provider}: it has expired, or it was issued for another application.`;
    case "no-role":
      return `${failure.provider} has signed you in, but you have no role in the account ${failure.accountId}. Ask its operator for one.`;
    case "account-missing":
      return `Enter the account that you want to use, then sign in with ${failure.provider}.`;
    case "state":
      return "The address contains an answer to a sign-in that this tab has not started. It was ignored; sign in again.";
    case "denied":
      return `${failure.provider} did not sign you in: access was denied.`;
    case "provider-refused":
      return `${failure.provider} did not sign you in (${failure.code}).`;
    case "provider-silent":
      return `${failure.provider} does not answer this page. Check the network, and that it accepts requests from ${location.origin}.`;
    case "code":
      return `The sign-in with ${failure.provider} has been used before or took too long. Sign in again.`;
    case "answer":
      return `The answer from ${failure.provider} does not belong to this sign-in. It was ignored; sign in again.`;
    case "renewal":
      return "Your sign-in has ended. Sign in again.";
  }
}

function after(seconds: number | null): string {
  if (seconds === null) return "in a minute";
  if (seconds < 90) return seconds === 1 ? "in 1 second" : `in ${seconds} seconds`;
  return `in ${Math.ceil(seconds / 60)} minutes`;
}
