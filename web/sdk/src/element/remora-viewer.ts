/**
 * `<remora-viewer>`: a {@link Viewer} as an element.
 *
 * | attribute | meaning |
 * |---|---|
 * | `endpoint`, `account` | the service and the account; required |
 * | `token-src` | an address of the page's own server that answers with an access token, as text or as `{"accessToken"}` |
 * | `session` | the id of a session; if absent, the element leases one and stops it when the element is removed |
 * | `size`, `minutes` | size and lease of a session that the element leases |
 * | `src` | the address of the model; may change at any time |
 * | `camera` | `orbit` or `walk` |
 * | `poster` | an image to show until the first frame; content in the slot `poster` replaces it |
 *
 * The property `token` also provides a token. Children without a slot lie over the video. The parts for CSS are
 * `video`, `poster`, `progress`, `bar`, `message` and `retry`. Events are listed in {@link RemoraViewerEventMap}.
 */

import type { RemoraError } from "../errors.ts";
import type { ModelLoaded, Notice } from "../generated/remora/v1/connection_pb.ts";
import type { SessionSize } from "../rest/session.ts";
import { type AccessToken, TokenSource } from "../rest/token-source.ts";
import type { SelectionState } from "../viewer/selection.ts";
import type {
  CameraKind,
  LeaseRequest,
  ViewerEvents,
  ViewerProgress,
  ViewerState,
  ViewerStatistics,
} from "../viewer/types.ts";
import { Viewer } from "../viewer/viewer.ts";
import { buildParts, type Parts } from "./template.ts";

/** The events of `<remora-viewer>`, with their data in `detail`. */
export interface RemoraViewerEventMap {
  statechange: CustomEvent<ViewerState>;
  progress: CustomEvent<ViewerProgress>;
  /** A model is shown. */
  load: CustomEvent<{ readonly uri: string; readonly model: ModelLoaded }>;
  /** The viewer cannot connect, or a model was not loaded. */
  error: CustomEvent<RemoraError>;
  /** A part was selected or deselected, hidden or shown. */
  selectionchange: CustomEvent<SelectionState>;
  /** The remaining lease, whenever its whole minutes change. */
  lease: CustomEvent<{ readonly remainingMinutes: number }>;
  leaseending: CustomEvent<{ readonly remainingMinutes: number }>;
  leaseended: CustomEvent<Record<string, never>>;
  reconnected: CustomEvent<{ readonly attempts: number }>;
  statistics: CustomEvent<ViewerStatistics>;
  notice: CustomEvent<Notice>;
}

/** Attributes whose change starts another session. */
const SESSION_ATTRIBUTES = ["endpoint", "account", "session", "size", "minutes", "token-src"];

/** Events of the viewer that are forwarded, with their names in the element. */
const FORWARDED: Partial<Record<keyof ViewerEvents, keyof RemoraViewerEventMap>> = {
  state: "statechange",
  progress: "progress",
  loaded: "load",
  selection: "selectionchange",
  lease: "lease",
  "lease-ending": "leaseending",
  "lease-ended": "leaseended",
  reconnected: "reconnected",
  statistics: "statistics",
  notice: "notice",
};

/** Servers that render pages have no elements, but must be able to import the module. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/** The class of `<remora-viewer>`. */
export class RemoraViewerElement extends Base {
  static readonly observedAttributes = [...SESSION_ATTRIBUTES, "src", "poster", "camera"];
  readonly #parts: Parts;
  #token: AccessToken | null = null;
  #viewer: Viewer | null = null;
  #starting = false;
  /** Counts viewers, so that events of one that was replaced are dropped. */
  #generation = 0;
  /** The session was stopped when the page was left, so a page that is shown again starts another one. */
  readonly #onPageShow = ({ persisted }: PageTransitionEvent) => {
    if (persisted) this.restart();
  };

  constructor() {
    super();
    this.#parts = buildParts(this);
    this.#parts.retry.addEventListener("click", () => this.restart());
  }

  /** The current viewer; null while the element is not connected to a document, or lacks an attribute. */
  get viewer(): Viewer | null {
    return this.#viewer;
  }

  /** The access token, a callback that returns one, or a {@link TokenSource}. Setting it starts the viewer. */
  get token(): AccessToken | null {
    return this.#token;
  }

  set token(token: AccessToken | null) {
    this.#token = token;
    this.restart();
  }

  get endpoint(): string {
    return this.getAttribute("endpoint") ?? "";
  }

  set endpoint(value: string) {
    this.setAttribute("endpoint", value);
  }

  get account(): string {
    return this.getAttribute("account") ?? "";
  }

  set account(value: string) {
    this.setAttribute("account", value);
  }

  /** The id of the session to connect to; empty if the element leases one. */
  get session(): string {
    return this.getAttribute("session") ?? "";
  }

  set session(value: string) {
    this.setAttribute("session", value);
  }

  /** The address of the model. */
  get src(): string {
    return this.getAttribute("src") ?? "";
  }

  set src(value: string) {
    this.setAttribute("src", value);
  }

  get poster(): string {
    return this.getAttribute("poster") ?? "";
  }

  set poster(value: string) {
    this.setAttribute("poster", value);
  }

  get camera(): CameraKind {
    return this.getAttribute("camera") === "walk" ? "walk" : "orbit";
  }

  set camera(value: CameraKind) {
    this.setAttribute("camera", value);
  }

  /** Listens to an event of this element. */
  override addEventListener<Name extends keyof RemoraViewerEventMap>(
    type: Name,
    listener: (this: RemoraViewerElement, event: RemoraViewerEventMap[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Listens to an event of any element. */
  override addEventListener<Name extends keyof HTMLElementEventMap>(
    type: Name,
    listener: (this: HTMLElement, event: HTMLElementEventMap[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(type: string, listener: never, options?: boolean | AddEventListenerOptions): void {
    super.addEventListener(type, listener, options);
  }

  /** @internal */
  connectedCallback(): void {
    globalThis.addEventListener("pageshow", this.#onPageShow);
    this.#schedule();
  }

  /** @internal */
  disconnectedCallback(): void {
    globalThis.removeEventListener("pageshow", this.#onPageShow);
    // An element that is moved within its document keeps its session.
    queueMicrotask(() => {
      if (!this.isConnected) this.#stop();
    });
  }

  /** @internal */
  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after) return;
    switch (name) {
      case "src":
        // A viewer that is not connected loads the model when it connects.
        if (after !== null && this.#viewer?.state.kind !== "closed") void this.#viewer?.load(after).catch(() => {});
        if (after !== null) this.#schedule();
        break;
      case "poster":
        this.#parts.image.hidden = after === null;
        this.#parts.image.src = after ?? "";
        break;
      case "camera":
        this.#viewer?.setCamera(this.camera);
        break;
      default:
        this.restart();
    }
  }

  /** Leaves the session, and connects or leases again. */
  restart(): void {
    this.#stop();
    this.#schedule();
  }

  /** Starts once for all attributes that a script sets in a row. */
  #schedule(): void {
    if (this.#starting || this.#viewer !== null) return;
    this.#starting = true;
    queueMicrotask(() => {
      this.#starting = false;
      if (this.isConnected && this.#viewer === null) this.#start();
    });
  }

  #start(): void {
    const { endpoint, account } = this;
    const tokenAddress = this.getAttribute("token-src");
    const token = this.#token ?? (tokenAddress === null ? null : TokenSource.fromServer(tokenAddress));
    if (endpoint === "" || account === "" || token === null) return;
    this.#generation += 1;
    const generation = this.#generation;
    const viewer = new Viewer({
      target: this.#parts.video,
      endpoint,
      account,
      token,
      session: this.session === "" ? this.#leaseRequest() : this.session,
      model: this.src === "" ? undefined : this.src,
      camera: this.camera,
    });
    this.#viewer = viewer;
    for (const [name, type] of Object.entries(FORWARDED)) {
      viewer.on(name as keyof ViewerEvents, (detail) => {
        if (generation === this.#generation) this.#dispatch(type, detail);
      });
    }
    viewer.on("state", (state) => generation === this.#generation && this.#show(state));
    viewer.on("frame", () => this.#showVideo());
    viewer.on("progress", ({ stage, fraction }) => this.#showProgress(stage === "refining" ? null : fraction));
    viewer.on("loaded", () => this.#showProgress(null));
    viewer.on("load-failed", ({ error }) => {
      this.#showProgress(null);
      this.#showMessage(error.message);
      this.#dispatch("error", error);
    });
    // The state reports a failure.
    viewer.open().catch(() => {});
  }

  #stop(): void {
    const viewer = this.#viewer;
    if (viewer === null) return;
    this.#viewer = null;
    this.#generation += 1;
    this.#parts.poster.hidden = false;
    this.#showProgress(null);
    this.#showMessage("");
    // A session that cannot be stopped ends with its lease.
    void viewer.close().catch(() => {});
  }

  #leaseRequest(): LeaseRequest {
    const size: SessionSize = this.getAttribute("size")?.toLowerCase() === "premium" ? "Premium" : "Standard";
    const minutes = Number(this.getAttribute("minutes") ?? Number.NaN);
    return Number.isInteger(minutes) && minutes > 0 ? { size, minutes } : { size };
  }

  #show(state: ViewerState): void {
    const { retry } = this.#parts;
    retry.hidden = true;
    switch (state.kind) {
      case "idle":
      case "connected":
        return this.#showMessage("");
      case "leasing":
      case "starting":
        return this.#showMessage("Starting…");
      case "connecting":
        return this.#showMessage("Connecting…");
      case "interrupted":
        return this.#showMessage("The connection is interrupted.");
      case "reconnecting":
        return this.#showMessage(`Connecting again… ${state.error.message}`);
      case "closed": {
        const { reason } = state;
        if (reason.kind === "left") return;
        this.#parts.poster.hidden = false;
        retry.hidden = false;
        this.#showMessage(
          reason.kind === "failed"
            ? reason.error.message
            : reason.kind === "ended"
              ? reason.message
              : "The connection was lost.",
        );
        if (reason.kind === "failed") this.#dispatch("error", reason.error);
      }
    }
  }

  #showVideo(): void {
    this.#parts.poster.hidden = true;
  }

  #showProgress(fraction: number | null): void {
    const { progress, bar } = this.#parts;
    progress.hidden = fraction === null;
    bar.style.width = `${(fraction ?? 0) * 100}%`;
    progress.setAttribute("aria-valuenow", String(Math.round((fraction ?? 0) * 100)));
  }

  #showMessage(text: string): void {
    this.#parts.text.textContent = text;
    this.#parts.message.hidden = text === "";
  }

  #dispatch(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
