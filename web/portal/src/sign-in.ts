/**
 * Signs in with the secret of the address that `remora up` prints.
 *
 * The secret is a fragment, so that it reaches no log; it is taken out of the visible address at once and kept for this
 * tab only, so that a reload works. The access token is renewed with it before it expires.
 */

const SECRET_KEY = "remora.sign-in-secret";
const RENEWAL_MILLISECONDS = 5 * 60_000;
const SIGN_IN_MILLISECONDS_MAX = 15_000;

export interface OfferedModel {
  readonly uri: string;
  readonly label: string;
}

export interface Account {
  readonly accountId: string;
  readonly defaultModel: string;
  readonly models: readonly OfferedModel[];
  readonly accessToken: () => Promise<string>;
}

/** `secret`: there is none, or it is of an earlier start. `service`: nothing answers. */
export class SignInFailed extends Error {
  override readonly name = "SignInFailed";
  readonly why: "secret" | "service";

  constructor(why: "secret" | "service", options?: ErrorOptions) {
    super(why === "secret" ? "The sign-in secret is missing or wrong." : "The service does not answer.", options);
    this.why = why;
  }
}

interface SignInAnswer {
  readonly accountId: string;
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly defaultModel: string;
  readonly models: readonly OfferedModel[];
}

export async function signIn(): Promise<Account> {
  const secret = takeSecret();
  if (secret === null) throw new SignInFailed("secret");
  let answer = await ask(secret);
  let validUntil = performance.now() + answer.expiresInSeconds * 1_000;
  return {
    accountId: answer.accountId,
    defaultModel: answer.defaultModel,
    models: answer.models,
    async accessToken() {
      if (performance.now() > validUntil - RENEWAL_MILLISECONDS) {
        answer = await ask(secret);
        validUntil = performance.now() + answer.expiresInSeconds * 1_000;
      }
      return answer.accessToken;
    },
  };
}

/** Whether the address brings a secret, as after another start of the service in the same tab. */
export function addressHasSecret(): boolean {
  return secretIn(location.hash) !== null;
}

export function secretIn(fragment: string): string | null {
  const secret = new URLSearchParams(fragment.replace(/^#/, "")).get("secret");
  return secret === null || secret === "" ? null : secret;
}

function takeSecret(): string | null {
  const given = secretIn(location.hash);
  if (given === null) return sessionStorage.getItem(SECRET_KEY);
  sessionStorage.setItem(SECRET_KEY, given);
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}

async function ask(secret: string): Promise<SignInAnswer> {
  let response: Response;
  try {
    response = await fetch("/portal/sign-in", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ secret }),
      signal: AbortSignal.timeout(SIGN_IN_MILLISECONDS_MAX),
    });
  } catch (cause) {
    throw new SignInFailed("service", { cause });
  }
  if (response.status === 401) {
    sessionStorage.removeItem(SECRET_KEY);
    throw new SignInFailed("secret");
  }
  if (!response.ok) throw new SignInFailed("service");
  return response.json() as Promise<SignInAnswer>;
}
