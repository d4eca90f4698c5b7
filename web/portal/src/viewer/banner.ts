/** Shows a message over the video. If a person dismisses it, messages of the same kind stay hidden until a reset. */

import { byId } from "../page.ts";

/** A message of the banner. */
export interface BannerMessage {
  /** The kind of message. */
  readonly code: string;
  readonly text: string;
}

/** The banner of the page. */
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

  /** Shows a message unless its kind was dismissed. */
  show({ code, text }: BannerMessage): void {
    if (this.#dismissed.has(code)) return;
    this.#shown = code;
    this.#text.textContent = text;
    this.#element.hidden = false;
  }

  /** Hides the banner and allows all kinds of messages again, for another model or connection. */
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
