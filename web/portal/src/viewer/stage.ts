/** The place of the picture: either a picture, or a notice that says why there is none. */

import { byId } from "../page.ts";
import type { Notice } from "../messages.ts";

const ACTIONS: Readonly<Record<NonNullable<Notice["action"]>, string>> = { retry: "Try again", reconnect: "Reconnect" };

export class Stage {
  readonly container = byId("picture", HTMLElement);
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

  /** Says something in place of the picture; the title is also what the header says. */
  showNotice(notice: Notice, onAction: () => void = () => {}): void {
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
    this.say(notice.title);
  }

  showPicture(): void {
    this.#notice.hidden = true;
    this.#tools.hidden = false;
  }

  /** Puts the state into words; screen readers read it out. */
  say(words: string): void {
    if (this.#status.textContent !== words) this.#status.textContent = words;
  }
}
