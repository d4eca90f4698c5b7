/** Shows either the video, or a notice that explains why there is none. */

import type { StageNotice } from "../messages.ts";
import { byId } from "../page.ts";

const ACTIONS: Readonly<Record<NonNullable<StageNotice["action"]>, string>> = {
  retry: "Try again",
  reconnect: "Reconnect",
};

/** The stage of the page. */
export class Stage {
  readonly container = byId("video", HTMLElement);
  readonly #notice = byId("notice", HTMLElement);
  readonly #title = byId("notice-title", HTMLElement);
  readonly #detail = byId("notice-detail", HTMLElement);
  readonly #action = byId("notice-action", HTMLButtonElement);
  readonly #link = byId("notice-link", HTMLAnchorElement);
  readonly #tools = byId("tools", HTMLElement);
  readonly #status = byId("status", HTMLElement);
  #onAction: () => void = () => {};

  constructor() {
    this.#action.addEventListener("click", () => this.#onAction());
  }

  /** Shows a notice in place of the video, and its title in the header. */
  showNotice(notice: StageNotice, onAction: () => void = () => {}): void {
    this.#title.textContent = notice.title;
    this.#detail.textContent = notice.detail;
    this.#action.hidden = notice.action === null;
    if (notice.action !== null) this.#action.textContent = ACTIONS[notice.action];
    this.#link.hidden = notice.link === undefined;
    this.#link.textContent = notice.link?.label ?? "";
    this.#link.href = notice.link?.address ?? "";
    this.#onAction = onAction;
    this.#notice.hidden = false;
    this.#tools.hidden = true;
    this.setStatus(notice.title);
  }

  /** Shows the video. */
  showVideo(): void {
    this.#notice.hidden = true;
    this.#tools.hidden = false;
  }

  /** Shows the status in the header; screen readers read it out. */
  setStatus(text: string): void {
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }
}
