/** A message over the picture that the person may put away; one of the same kind does not come back by itself then. */

import { byId } from "../page.ts";

export interface BannerMessage {
  /** The kind of message. */
  readonly code: string;
  readonly text: string;
}

export class Banner {
  readonly #element = byId("banner", HTMLElement);
  readonly #text = byId("banner-text", HTMLElement);
  readonly #dismissed = new Set<string>();
  #shown: string | null = null;

  constructor() {
    byId("banner-dismiss", HTMLButtonElement).addEventListener("click", () => {
      if (this.#shown !== null) this.#dismissed.add(this.#shown);
      this.#hide();
    });
  }

  show({ code, text }: BannerMessage): void {
    if (this.#dismissed.has(code)) return;
    this.#shown = code;
    this.#text.textContent = text;
    this.#element.hidden = false;
  }

  /** For another model or connection, which everything may be said of again. */
  reset(): void {
    this.#dismissed.clear();
    this.#hide();
  }

  #hide(): void {
    this.#shown = null;
    this.#element.hidden = true;
    this.#text.textContent = "";
  }
}
