/**
 * The access token of this service: kept in memory, and renewed before it ends.
 *
 * ```text
 *   issued ───────────────── renewal due ── end
 *            current()          current() renews; a failure is tolerated until the end
 * ```
 */

import { SignInFailed } from "./failure.ts";

const RENEWAL_MILLISECONDS = 5 * 60_000;
/** The pause after a renewal that failed, while the token is still good. */
const RETRY_MILLISECONDS = 30_000;

export interface IssuedToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

export type Renew = () => Promise<IssuedToken>;

export class AccessTokens {
  readonly #renew: Renew | null;
  readonly #now: () => number;
  #accessToken = "";
  #renewalAt = 0;
  #endsAt = 0;
  #renewal: Promise<void> | null = null;

  /** `renew` is null where only the person can sign in again. `now` is a clock that keeps running during sleep. */
  constructor(first: IssuedToken, renew: Renew | null, now: () => number = Date.now) {
    this.#renew = renew;
    this.#now = now;
    this.#take(first);
  }

  async current(): Promise<string> {
    if (this.#renew !== null && this.#now() >= this.#renewalAt) {
      this.#renewal ??= this.#renewed(this.#renew).finally(() => {
        this.#renewal = null;
      });
      await this.#renewal;
    }
    if (this.#now() >= this.#endsAt) throw new SignInFailed({ why: "renewal" });
    return this.#accessToken;
  }

  /** Whether the person has to sign in again within the next minutes. */
  get ending(): boolean {
    return this.#renew === null && this.#now() >= this.#renewalAt;
  }

  async #renewed(renew: Renew): Promise<void> {
    try {
      this.#take(await renew());
    } catch (error) {
      if (this.#now() >= this.#endsAt) throw error;
      this.#renewalAt = this.#now() + RETRY_MILLISECONDS;
    }
  }

  #take({ accessToken, expiresInSeconds }: IssuedToken): void {
    this.#accessToken = accessToken;
    const life = expiresInSeconds * 1_000;
    this.#endsAt = this.#now() + life;
    this.#renewalAt = this.#endsAt - Math.min(RENEWAL_MILLISECONDS, life / 2);
  }
}
