/** The account that is signed in to, and what the service offers to it. */

import { AccessTokens, type Renew } from "./access-tokens.ts";
import type { IssuedToken } from "./access-tokens.ts";
import { SignInFailed } from "./failure.ts";
import { request, retryAfterSeconds } from "./request.ts";
import { forgetSecret, type SecretAnswer, signInWithSecret } from "./secret.ts";

export interface OfferedModel {
  readonly uri: string;
  readonly label: string;
}

export interface Offer {
  readonly defaultModel: string;
  readonly models: readonly OfferedModel[];
}

export interface Account extends Offer {
  readonly accountId: string;
  /** Who is signed in, as the header shows it. */
  readonly person: string;
  readonly accessToken: () => Promise<string>;
  /** Whether the person has to sign in again soon; never where the page can renew the sign-in. */
  readonly ending: () => boolean;
  readonly signInAgain: () => void;
  /** Drops every token, key and secret. */
  readonly signOut: () => void;
}

export async function accountOfSecret(secret: string): Promise<Account> {
  const answer: SecretAnswer = await signInWithSecret(secret);
  const { accountId } = answer;
  const renew = () => signInWithSecret(secret);
  return account({ accountId, person: "", token: answer, renew, signInAgain: reload }, answer);
}

/** The result of a sign-in. */
export interface SignedIn {
  readonly accountId: string;
  readonly person: string;
  readonly token: IssuedToken;
  /** Null where only the person can sign in again. */
  readonly renew: Renew | null;
  readonly signInAgain: () => void;
}

export async function accountOf(signedIn: SignedIn): Promise<Account> {
  return account(signedIn, await readOffer(signedIn.token.accessToken));
}

function account({ accountId, person, token, renew, signInAgain }: SignedIn, { models, defaultModel }: Offer): Account {
  const tokens = new AccessTokens(token, renew);
  return {
    accountId,
    person,
    defaultModel,
    models,
    signInAgain,
    accessToken: () => tokens.current(),
    ending: () => tokens.ending,
    signOut() {
      forgetSecret();
      reload();
    },
  };
}

/** Loads the page again; what it has in memory is gone then. */
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
