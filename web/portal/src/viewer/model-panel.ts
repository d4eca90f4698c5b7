/** Loads models: those that the service offers, or any other by its address. Shows progress and refusals. */

import type { ModelLoaded } from "@remora/sdk";
import { messageOf, REFINING, summary } from "../messages.ts";
import { build, byId } from "../page.ts";
import type { Account } from "../sign-in.ts";

const STAGES: Readonly<Record<string, string>> = {
  fetching: "Fetching the file…",
  decoding: "Reading the model…",
  clustering: "Preparing the geometry…",
  uploading: "Uploading to the renderer…",
};

type Load = (uri: string, onProgress: (stage: string, fraction: number) => void) => Promise<ModelLoaded>;

/** The panel for models. */
export class ModelPanel {
  readonly #choice = byId("model-choice", HTMLSelectElement);
  readonly #form = byId("model-form", HTMLFormElement);
  readonly #address = byId("model-uri", HTMLInputElement);
  readonly #submit = byId("model-load", HTMLButtonElement);
  readonly #progress = byId("model-progress", HTMLProgressElement);
  readonly #message = byId("model-message", HTMLElement);
  readonly #onLoading: (loading: boolean) => void;
  #load: Load | null = null;
  /** The last choice, which the next connection loads. */
  #wanted = "";
  /** The summary of the model that is shown; empty while there is none. */
  #summary = "";

  /** `onLoading` receives true when a load starts, and false when the newest load is over. */
  constructor(onLoading: (loading: boolean) => void) {
    this.#onLoading = onLoading;
    this.#choice.addEventListener("change", () => this.#want(this.#choice.value));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const uri = this.#address.value.trim();
      if (uri === "") return;
      // Choosing the same model in the list afterwards must be a change.
      this.#choice.selectedIndex = -1;
      this.#want(uri);
    });
    this.#setLoading(false);
  }

  /** Lists the models that the service offers. */
  offer({ models, defaultModel }: Account): void {
    this.#choice.replaceChildren(...models.map(({ uri, label }) => build("option", { value: uri }, label)));
    this.#choice.value = defaultModel;
    this.#choice.disabled = false;
    this.#wanted = defaultModel;
  }

  /** Loads the last choice and every later one; null after the connection has ended. */
  attach(load: Load | null): void {
    this.#load = load;
    this.#summary = "";
    this.#setLoading(false);
    this.#submit.disabled = load === null;
    if (load === null) this.#setMessage("");
    else void this.#run();
  }

  /** Shows that the model is visible and gains detail until the fraction is 1. */
  refining(fraction: number): void {
    if (this.#summary === "") return;
    const over = fraction >= 1;
    this.#setLoading(!over);
    this.#progress.value = fraction;
    this.#setMessage(over ? this.#summary : `${this.#summary} ${REFINING}`);
  }

  /** Shows the summary of a model that the viewer has loaded again for a new connection. */
  shown(model: ModelLoaded): void {
    this.#summary = summary(model);
    this.#setLoading(false);
    this.#setMessage(this.#summary);
  }

  #want(uri: string): void {
    this.#wanted = uri;
    void this.#run();
  }

  async #run(): Promise<void> {
    const load = this.#load;
    const uri = this.#wanted;
    this.#summary = "";
    if (load === null) return;
    const current = () => this.#load === load && this.#wanted === uri;
    this.#setLoading(true);
    this.#onLoading(true);
    this.#setMessage("Loading…");
    try {
      const model = await load(uri, (stage, fraction) => {
        if (!current()) return;
        this.#progress.value = fraction;
        this.#setMessage(STAGES[stage] ?? "Loading…");
      });
      if (!current()) return;
      this.#summary = summary(model);
      this.#setMessage(this.#summary);
    } catch (error) {
      if (current()) this.#setMessage(messageOf(error), true);
    }
    if (!current()) return;
    this.#setLoading(false);
    this.#onLoading(false);
  }

  #setLoading(loading: boolean): void {
    this.#progress.value = 0;
    this.#progress.classList.toggle("active", loading);
  }

  #setMessage(text: string, isError = false): void {
    this.#message.textContent = text;
    this.#message.classList.toggle("error", isError);
  }
}
