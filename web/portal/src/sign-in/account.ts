/** The account that is signed in to, and what the service offers to it. */

import { TokenSource } from "@remora/sdk";
import type { Configuration } from "./configuration.ts";
import { SignInFailed } from "./failure.ts";
import { request, retryAfterSeconds } from "./request.ts";
import { forgetSecret, signInWithSecret } from "./secret.ts";

/** The person is told this long before a sign-in ends that only they can renew. */
const WARNING_MILLISECONDS = 5 * 60_000;

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
  /** The name of the person for the header; empty where none is known. */
  readonly person: string;
  readonly tokens: TokenSource;
  /** Whether `tokens` can be renewed without the person. */
  readonly renewable: boolean;
  readonly signInAgain: () => void;
}

export interface Account extends SignedIn, Offer {
  /** Whether the certificates of service and hosts are of an authority that browsers do not know by themselves. */
  readonly certificateLocal: boolean;
  /** Whether the person has to sign in again soon; never where the page can renew the sign-in. */
  readonly ending: () => boolean;
  /** Drops every token, key and secret. */
  readonly signOut: () => void;
}

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
