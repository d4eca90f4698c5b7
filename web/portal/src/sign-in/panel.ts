/** The sign-in form: an account and its key, and a button for each identity provider. */

import { button, byId } from "../page.ts";
import { type Configuration, type IdentityProvider, onlyAccount } from "./configuration.ts";
import { SignInFailed } from "./failure.ts";

const NOT_SIGNED_IN = "Not signed in";

/** The actions of the form. */
export interface SignInActions {
  readonly withKey: (accountId: string, key: string) => Promise<void>;
  readonly withProvider: (provider: IdentityProvider, accountId: string) => Promise<void>;
}

/** The panel with the sign-in form. */
export class SignInPanel {
  readonly #status = byId("status", HTMLElement);
  readonly #panel = byId("sign-in", HTMLElement);
  readonly #form = byId("sign-in-form", HTMLFormElement);
  readonly #accountField = byId("sign-in-account-field", HTMLElement);
  readonly #account = byId("sign-in-account", HTMLInputElement);
  readonly #keyField = byId("sign-in-key-field", HTMLElement);
  readonly #key = byId("sign-in-key", HTMLInputElement);
  readonly #submit = byId("sign-in-submit", HTMLButtonElement);
  readonly #message = byId("sign-in-message", HTMLElement);
  readonly #hint = byId("sign-in-hint", HTMLElement);
  readonly #retry = byId("sign-in-retry", HTMLButtonElement);
  readonly #providers = byId("sign-in-providers", HTMLElement);
  readonly #certificate = byId("certificate-help", HTMLDetailsElement);

  constructor() {
    this.#retry.addEventListener("click", () => location.reload());
  }

  /** Enables the form, which `index.html` may show already. Submitting it waits for the configuration. */
  listen(configuration: Promise<Configuration>, actions: SignInActions): void {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#attempt(async () => {
        const { accountKey, identityProviders } = (await configuration).signIn;
        const [provider] = identityProviders;
        if (accountKey) await actions.withKey(this.#account.value.trim(), this.#key.value.trim());
        else if (provider !== undefined) await actions.withProvider(provider, this.#accountFor(provider));
      });
    });
    this.#submit.disabled = false;
  }

  /** Shows the ways to sign in that the service offers. */
  open({ signIn, certificate }: Configuration, actions: SignInActions): void {
    const { accountKey, identityProviders } = signIn;
    this.#keyField.hidden = !accountKey;
    this.#submit.hidden = !accountKey;
    this.#key.required = accountKey;
    this.#accountField.hidden = !accountKey && identityProviders.every((provider) => onlyAccount(provider) !== null);
    this.#form.hidden = !accountKey && this.#accountField.hidden;
    this.#providers.replaceChildren(
      ...identityProviders.map((provider) =>
        button(
          `Sign in with ${provider.name}`,
          () => void this.#attempt(async () => actions.withProvider(provider, this.#accountFor(provider))),
        ),
      ),
    );
    this.#providers.hidden = identityProviders.length === 0;
    this.#hint.hidden = !signIn.secret;
    this.#certificate.hidden = !certificate.local;
    this.#status.textContent = NOT_SIGNED_IN;
    this.#panel.hidden = false;
    // The person may have started to type.
    if (!this.#form.contains(document.activeElement)) this.#firstField()?.focus();
  }

  /** Hides the panel, or shows only the failure and a button that tries again. */
  close(failure: SignInFailed | null): void {
    this.#key.value = "";
    this.#form.hidden = true;
    this.#providers.hidden = true;
    this.#hint.hidden = true;
    this.#retry.hidden = failure === null;
    this.#panel.hidden = failure === null;
    if (failure === null) return;
    this.#status.textContent = NOT_SIGNED_IN;
    this.fail(failure);
  }

  /** Shows why a sign-in failed. */
  fail(error: SignInFailed): void {
    this.#message.textContent = error.message;
    const { why } = error.failure;
    this.#key.setAttribute("aria-invalid", String(why === "key"));
    this.#account.setAttribute("aria-invalid", String(why === "key" || why === "account-missing"));
    if (why === "key") this.#key.select();
    if (why === "account-missing") this.#account.focus();
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    this.#setBusy(true);
    this.#message.textContent = "";
    try {
      await act();
    } catch (error) {
      if (!(error instanceof SignInFailed)) throw error;
      this.#setBusy(false);
      this.fail(error);
      return;
    }
    this.#setBusy(false);
  }

  #accountFor(provider: IdentityProvider): string {
    const accountId = onlyAccount(provider) ?? this.#account.value.trim();
    if (accountId === "") throw new SignInFailed({ why: "account-missing", provider: provider.name });
    return accountId;
  }

  #firstField(): HTMLElement | null {
    if (!this.#accountField.hidden) return this.#account.value === "" ? this.#account : this.#key;
    return this.#providers.querySelector("button");
  }

  #setBusy(busy: boolean): void {
    this.#panel.setAttribute("aria-busy", String(busy));
    for (const each of this.#panel.querySelectorAll("button")) each.disabled = busy;
  }
}
