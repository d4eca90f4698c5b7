/**
 * The page after the sign-in: leases a session, waits for it, shows it in a viewer, and reports every state.
 *
 *   New session ─▶ starting ─▶ ready ─▶ viewer ─▶ closed: stopped, lost, …
 *                                          ▲          │
 *                                  Connect, Try again ┘
 *
 * There is at most one viewer, which connects again by itself. Every step belongs to an attempt; results of an attempt are
 * dropped when a newer attempt has started.
 */

import {
  browserProblem,
  type ReadySession,
  RemoteRenderingClient,
  type Session,
  type VideoSink,
  Viewer,
  type ViewerCloseReason,
  type ViewerState,
} from "@remora/sdk";
import "./styles/side.css";
import "./styles/stage.css";
import * as messages from "./messages.ts";
import { byId } from "./page.ts";
import { showPerson } from "./person.ts";
import { SessionPanel } from "./sessions/session-panel.ts";
import type { Account } from "./sign-in.ts";
import { Banner } from "./viewer/banner.ts";
import { ModelPanel } from "./viewer/model-panel.ts";
import { Overlay } from "./viewer/overlay.ts";
import { PartPanel } from "./viewer/part-panel.ts";
import { Stage } from "./viewer/stage.ts";

const LEASE_MINUTES = 60;

/** Options of an {@link App}. */
export interface AppOptions {
  readonly sink?: VideoSink["kind"] | undefined;
  /** Receives every viewer that is connected, for measurements. */
  readonly onViewer?: (viewer: Viewer) => void;
}

/** The page of one account. */
export class App {
  readonly #account: Account;
  readonly #options: AppOptions;
  readonly #client: RemoteRenderingClient;
  readonly #stage: Stage;
  readonly #models: ModelPanel;
  readonly #overlay = new Overlay();
  readonly #banner = new Banner();
  readonly #part = new PartPanel({
    // Commands without an answer change nothing; errors surface through the viewer's state.
    hide: () => void this.#viewer?.selection.hide().catch(() => {}),
    showAll: () => void this.#viewer?.selection.showAll().catch(() => {}),
  });
  readonly #sessions: SessionPanel;
  readonly #newSession = byId("new-session", HTMLButtonElement);
  #viewer: Viewer | null = null;
  /** The session that the stage shows, connected or not. */
  #shownId: string | null = null;
  #attempt = 0;

  constructor(account: Account, options: AppOptions) {
    const stage = new Stage();
    this.#stage = stage;
    this.#account = account;
    this.#options = options;
    this.#models = new ModelPanel((loading) => stage.setStatus(loading ? messages.LOADING : this.#connectedWords()));
    this.#client = new RemoteRenderingClient({
      endpoint: location.origin,
      accountId: account.accountId,
      accessToken: account.tokens,
    });
    this.#sessions = new SessionPanel(this.#client, {
      onConnect: (session) => void this.#connect(session),
      onStop: (session) => this.#stop(session),
      onGone: () => void this.#viewer?.checkSession(),
    });
    this.#models.offer(account);
    this.#newSession.addEventListener("click", () => void this.#lease());
    this.#newSession.hidden = false;
    showPerson(account, () => this.#leave());
    byId("fit", HTMLButtonElement).addEventListener("click", (event) => this.#viewer?.fit(event.timeStamp));
    const problem = browserProblem();
    // A lease that this browser cannot use would block a render host.
    this.#newSession.disabled = problem !== null;
    stage.showNotice(problem === null ? messages.WELCOME : messages.unsupported(problem));
    if (problem === null) stage.setStatus("Signed in");
    // The form that had the focus is hidden now.
    if (account.person !== "") this.#newSession.focus();
  }

  async #lease(): Promise<void> {
    this.#newSession.disabled = true;
    const id = `portal-${crypto.randomUUID()}`;
    const attempt = this.#next();
    try {
      await this.#leave();
      if (attempt !== this.#attempt) return;
      this.#shownId = id;
      this.#stage.showNotice(messages.STARTING);
      await this.#client.createSession(id, { size: "Standard", maxLeaseTimeMinutes: LEASE_MINUTES });
      void this.#sessions.refresh();
      const session = await this.#client.waitUntilReady(id);
      void this.#sessions.refresh();
      // Connecting may take minutes; another session can be leased meanwhile.
      if (attempt === this.#attempt) void this.#connect(session);
    } catch (error) {
      const ended = await this.#endOf(id);
      if (id === this.#shownId)
        this.#stage.showNotice(ended ?? { title: "No session", detail: messages.messageOf(error), action: null });
    } finally {
      this.#newSession.disabled = false;
    }
  }

  async #connect(session: ReadySession): Promise<void> {
    const attempt = this.#next();
    await this.#leave();
    if (attempt !== this.#attempt) return;
    this.#shownId = session.id;
    this.#stage.showNotice(messages.CONNECTING);
    const viewer = new Viewer({
      target: this.#stage.container,
      endpoint: location.origin,
      account: this.#account.accountId,
      token: this.#account.tokens,
      session,
      sink: this.#options.sink,
    });
    this.#viewer = viewer;
    viewer.on("state", (state) => this.#follow(viewer, session, state));
    viewer.on("reconnected", () => {
      const end = viewer.on("loaded", ({ model }) => {
        end();
        this.#models.shown(model);
      });
    });
    viewer.on("frame", () => this.#stage.showVideo());
    viewer.on("statistics", (statistics) => this.#overlay.show(statistics));
    viewer.on("selection", (state) => this.#part.show(state));
    viewer.on("notice", (notice) => this.#banner.show(notice));
    viewer.on("lease", ({ remainingMinutes }) => this.#overlay.showLease(remainingMinutes));
    viewer.on("lease-ending", ({ remainingMinutes }) =>
      this.#banner.show({ code: "LeaseEnding", text: messages.leaseEnding(remainingMinutes) }),
    );
    viewer.on("progress", ({ stage, fraction }) => {
      if (stage === "refining") this.#models.refining(fraction);
    });
    const element: HTMLElement = viewer.element;
    element.addEventListener("keydown", ({ key, ctrlKey, altKey, metaKey }) => {
      if ((key === "o" || key === "O") && !ctrlKey && !altKey && !metaKey) this.#overlay.toggle();
    });
    try {
      await viewer.open();
    } catch {
      // The state of the viewer has reported the reason.
      return;
    }
    if (viewer !== this.#viewer) return;
    this.#sessions.setConnected(session.id);
    this.#overlay.setAvailable(true);
    this.#models.attach((uri, onProgress) => {
      this.#banner.reset();
      return viewer.load(uri, { onProgress });
    });
    this.#options.onViewer?.(viewer);
  }

  #follow(viewer: Viewer, session: ReadySession, state: ViewerState): void {
    if (viewer !== this.#viewer) return;
    switch (state.kind) {
      case "connected":
        return this.#stage.setStatus(this.#connectedWords());
      case "interrupted":
        return this.#stage.setStatus(messages.INTERRUPTED);
      case "reconnecting":
        return this.#stage.showNotice(messages.reconnecting(state.error, this.#certificateAddress(session)));
      case "closed":
        return this.#closed(session, state.reason);
      case "idle":
      case "leasing":
      case "starting":
      case "connecting":
    }
  }

  /** Returns the address at which the browser shows the host's certificate, or null if browsers trust it already. */
  #certificateAddress({ address }: ReadySession): string | null {
    return this.#account.certificateLocal ? `https://${address.hostname}:${address.handshakePort}/` : null;
  }

  async #stop(session: Session): Promise<void> {
    await this.#client.stopSession(session.id);
    if (session.id !== this.#shownId) return;
    // The host reports the end as well, but a starting session has no host yet.
    const attempt = this.#next();
    await this.#leave();
    if (attempt === this.#attempt) this.#stage.showNotice(messages.STOPPED);
  }

  #closed(session: ReadySession, reason: ViewerCloseReason): void {
    this.#viewer = null;
    this.#models.attach(null);
    this.#banner.reset();
    this.#overlay.setAvailable(false);
    this.#part.show({ part: null, hiddenCount: 0 });
    this.#sessions.setConnected(null);
    void this.#sessions.refresh();
    this.#stage.showNotice(messages.noticeOfClose(reason), () => void this.#connect(session));
  }

  #connectedWords(): string {
    const connection = this.#viewer?.connection ?? null;
    return connection === null ? "" : `Connected · ${connection.welcome.adapterName}`;
  }

  /** Leaves the session, which continues without this client. */
  async #leave(): Promise<void> {
    await this.#viewer?.close();
  }

  #next(): number {
    this.#attempt += 1;
    return this.#attempt;
  }

  async #endOf(id: string): Promise<messages.StageNotice | null> {
    const session = await this.#client.getSession(id).catch(() => null);
    return session === null ? null : messages.noticeOfEndedSession(session);
  }
}
