/**
 * Signs a person in:
 *
 * ```text
 *   address with a secret, or a reload after one ──▶ sign-in on the same machine ────┐
 *   address with a provider's answer ──▶ its attempt in this tab ──▶ token ──────────┼──▶ account
 *   any other ──▶ form: account and key, or a provider, which leaves the page ───────┘
 * ```
 *
 * The reason of a failure is shown above the form.
 */

import { type Account, accountOf, accountOfSecret, reload } from "./sign-in/account.ts";
import { type Attempt, takeAnswer, takeAttempt } from "./sign-in/attempt.ts";
import { type Configuration, readConfiguration } from "./sign-in/configuration.ts";
import { SignInFailed } from "./sign-in/failure.ts";
import { type SignInActions, SignInPanel } from "./sign-in/panel.ts";
import { takeSecret } from "./sign-in/secret.ts";
import { tokensForKey } from "./sign-in/token-service.ts";

export type { Account } from "./sign-in/account.ts";
export { addressHasSecret } from "./sign-in/secret.ts";

/** Resolves when a person is signed in, without a deadline. */
export async function signIn(): Promise<Account> {
  const panel = new SignInPanel();
  const configuration = readConfiguration();
  let failed: SignInFailed | null = null;
  try {
    const account = await accountOfAddress(configuration);
    if (account !== null) return account;
  } catch (error) {
    failed = signInFailed(error);
  }
  try {
    return await accountOfForm(panel, configuration, failed);
  } catch (error) {
    panel.close(failed ?? signInFailed(error));
    return new Promise(() => {});
  }
}

/** Returns the account that the address signs in to, or null if the address contains no sign-in. */
async function accountOfAddress(configuration: Promise<Configuration>): Promise<Account | null> {
  // The configuration is awaited later, or never, so its failure must not count as unhandled.
  configuration.catch(() => {});
  const answer = takeAnswer();
  if (answer !== null) return accountOfAnswer(await configuration, answer);
  const secret = takeSecret();
  return secret === null ? null : accountOfSecret(secret);
}

async function accountOfAnswer(configuration: Configuration, answer: URLSearchParams): Promise<Account> {
  const attempt = takeAttempt();
  const belongs = (each: Attempt) => each.state === answer.get("state");
  if (attempt === null || !belongs(attempt)) throw new SignInFailed({ why: "state" });
  const provider = configuration.signIn.identityProviders.find(({ issuer }) => issuer === attempt.issuer);
  if (provider === undefined) throw new SignInFailed({ why: "state" });
  const { finish } = await import("./sign-in/provider.ts");
  return accountOf(await finish(provider, attempt, answer), configuration);
}

function accountOfForm(
  panel: SignInPanel,
  configuration: Promise<Configuration>,
  failed: SignInFailed | null,
): Promise<Account> {
  return new Promise((resolve, reject) => {
    const actions: SignInActions = {
      async withKey(accountId, key) {
        const tokens = await tokensForKey(accountId, key);
        const signedIn = { accountId, person: accountId, tokens, renewable: true, signInAgain: reload };
        const account = await accountOf(signedIn, await configuration);
        panel.close(null);
        resolve(account);
      },
      async withProvider(provider, accountId) {
        const { begin } = await import("./sign-in/provider.ts");
        await begin(provider, accountId);
      },
    };
    panel.listen(configuration, actions);
    configuration
      .then((known) => {
        const { secret, accountKey, identityProviders } = known.signIn;
        if (!accountKey && identityProviders.length === 0)
          throw new SignInFailed({ why: secret ? "secret" : "no-way" });
        panel.open(known, actions);
        if (failed !== null) panel.fail(failed);
      })
      .catch(reject);
  });
}

/** Returns the failure; throws any other error, which is a defect of the page. */
function signInFailed(error: unknown): SignInFailed {
  if (error instanceof SignInFailed) return error;
  throw error;
}
