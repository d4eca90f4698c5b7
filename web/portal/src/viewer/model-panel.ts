/** The choice of the model: those that the service offers, or any by its address; progress and refusals in words. */

import type { ModelLoaded } from "@remora/sdk";
import { build, byId } from "../page.ts";
import type { Account } from "../sign-in.ts";
import { REFINING, sentence, summary } from "../messages.ts";

const STAGES: Readonly<Record<string, string>> = {
  fetching: "Fetching the file…",
  decoding: "Reading the model…",
  clustering: "Preparing the geometry…",
  uploading: "Handing it to the renderer…",
};

type Load = (uri: string, onProgress: (stage: string, fraction: number) => void) => Promise<ModelLoaded>;

export class ModelPanel {
  readonly #choice = byId("model-choice", HTMLSelectElement);
  readonly #form = byId("model-form", HTMLFormElement);
  readonly #address = byId("model-uri", HTMLInputElement);
  readonly #submit = byId("model-load", HTMLButtonElement);
  readonly #progress = byId("model-progress", HTMLProgressElement);
  readonly #message = byId("model-message", HTMLElement);
  readonly #onLoading: (loading: boolean) => void;
  #load: Load | null = null;
  /** What a connection shows first: the last choice, whichever way it was made. */
  #wanted = "";
  /** Of the model that is shown; empty while there is none. */
  #summary = "";

  /** `onLoading` is told when a load begins and when the last one is over. */
  constructor(onLoading: (loading: boolean) => void) {
    this.#onLoading = onLoading;
    this.#choice.addEventListener("change", () => this.#want(this.#choice.value));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const uri = this.#address.value.trim();
      if (uri === "") return;
      // So that choosing the same one again is a choice.
      this.#choice.selectedIndex = -1;
      this.#want(uri);
    });
    this.#setLoading(false);
  }

  offer({ models, defaultModel }: Account): void {
    this.#choice.replaceChildren(...models.map(({ uri, label }) => build("option", { value: uri }, label)));
    this.#choice.value = defaultModel;
    this.#choice.disabled = false;
    this.#wanted = defaultModel;
  }

  /** Loads what is wanted, and from now on what is chosen; null where there is no connection any more. */
  attach(load: Load | null): void {
    this.#load = load;
    this.#summary = "";
    this.#setLoading(false);
    this.#submit.disabled = load === null;
    if (load === null) this.#say("");
    else void this.#run();
  }

  /** The model is shown and gets better, until the fraction is 1. */
  refining(fraction: number): void {
    if (this.#summary === "") return;
    const over = fraction >= 1;
    this.#setLoading(!over);
    this.#progress.value = fraction;
    this.#say(over ? this.#summary : `${this.#summary} ${REFINING}`);
  }

  /** The viewer has loaded the model again for a new connection. */
  shown(model: ModelLoaded): void {
    this.#summary = summary(model);
    this.#setLoading(false);
    this.#say(this.#summary);
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
    this.#say("Loading…");
    try {
      const model = await load(uri, (stage, fraction) => {
        if (!current()) return;
        this.#progress.value = fraction;
        this.#say(STAGES[stage] ?? "Loading…");
      });
      if (!current()) return;
      this.#summary = summary(model);
      this.#say(this.#summary);
    } catch (error) {
      if (current()) this.#say(sentence(error), true);
    }
    if (!current()) return;
    this.#setLoading(false);
    this.#onLoading(false);
  }

  #setLoading(loading: boolean): void {
    this.#progress.value = 0;
    this.#progress.classList.toggle("active", loading);
  }

  #say(words: string, isError = false): void {
    this.#message.textContent = words;
    this.#message.classList.toggle("error", isError);
  }
}
