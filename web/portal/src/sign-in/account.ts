/** Describes the account of a signed-in person and the models that the service offers. */

import { TokenSource } from "@remora/sdk";
import type { Configuration } from "./configuration.ts";
import { SignInFailed } from "./failure.ts";
import { request, retryAfterSeconds } from "./request.ts";
import { forgetSecret, signInWithSecret } from "./secret.ts";

/** The warning appears this long before the end of a sign-in that only the person can renew. */
const WARNING_MILLISECONDS = 5 * 60_000;

/** A model that the operator offers. */
export interface OfferedModel {
  readonly uri: string;
  readonly label: string;
}

/** The models that the operator offers. */
export interface Offer {
  readonly defaultModel: string;
  readonly models: readonly OfferedModel[];
}

/** The result of a sign-in. */
export interface SignedIn {
  readonly accountId: string;
  /** The name of the person for the header; empty if unknown. */
  readonly person: string;
  readonly tokens: TokenSource;
  /** True if `tokens` can be renewed without the person. */
  readonly renewable: boolean;
  readonly signInAgain: () => void;
}

/** An account with its sign-in. */
export interface Account extends SignedIn, Offer {
  /** True if the service's own authority has issued the certificates, which browsers do not trust by default. */
  readonly certificateLocal: boolean;
  /** Returns true if the person has to sign in again soon; always false if the page can renew the sign-in. */
  readonly ending: () => boolean;
  /** Drops every token, key and secret. */
  readonly signOut: () => void;
}

/** Signs in with the secret of the printed address. */
export async function accountOfSecret(secret: string): Promise<Account> {
  const answer = await signInWithSecret(secret);
  let unused: typeof answer | null = answer;
  const tokens = TokenSource.fromCallback(async () => {
    const first = unused;
    unused = null;
    return first ?? signInWithSecret(secret);
  });
  const { accountId } = answer;
  return account({ accountId, person: "", tokens, renewable: true, signInAgain: reload }, answer, false);
}

/** Reads the models that are offered to a signed-in person. */
export async function accountOf(signedIn: SignedIn, { certificate }: Configuration): Promise<Account> {
  return account(signedIn, await readOffer(await signedIn.tokens.token()), certificate.local);
}

function account(signedIn: SignedIn, { models, defaultModel }: Offer, certificateLocal: boolean): Account {
  const { renewable, tokens } = signedIn;
  return {
    ...signedIn,
    certificateLocal,
    defaultModel,
    models,
    ending: () => !renewable && (tokens.endsAt ?? 0) - Date.now() <= WARNING_MILLISECONDS,
    signOut() {
      forgetSecret();
      reload();
    },
  };
}

/** Reloads the page, which drops everything in its memory. */
export function reload(): void {
  location.replace(location.pathname);
}

async function readOffer(accessToken: string): Promise<Offer> {
  const response = await request("/portal/models", { headers: { Authorization: `Bearer ${accessToken}` } });
  if (response.ok) return (await response.json()) as Offer;
  throw new SignInFailed(
    response.status === 429
      ? { why: "too-many", retryAfterSeconds: retryAfterSeconds(response) }
      : { why: "service-failed", status: response.status },
  );
}
