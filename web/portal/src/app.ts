/**
 * The page after the sign-in: leases a session, waits for it, connects, shows it, and says what happens.
 *
 *   New session ─▶ starting ─▶ ready ─▶ connecting ─▶ picture ─▶ closed: stopped, lost, …
 *                                          ▲                        │
 *                             Connect, Reconnect, Try again ────────┘
 *
 * There is at most one view. Every step belongs to an attempt; what an overtaken attempt brings is put away unseen.
 */

import { type CloseReason, type ReadySession, RemoteRenderingClient, type Session, type VideoSink } from "@remora/sdk";
import "./styles/side.css";
import "./styles/stage.css";
import { byId } from "./page.ts";
import { SessionPanel } from "./sessions/session-panel.ts";
import { showPerson } from "./person.ts";
import type { Account } from "./sign-in.ts";
import { Banner } from "./viewer/banner.ts";
import { ModelPanel } from "./viewer/model-panel.ts";
import { Overlay } from "./viewer/overlay.ts";
import { PartPanel } from "./viewer/part-panel.ts";
import { Stage } from "./viewer/stage.ts";
import { View } from "./viewer/view.ts";
import * as words from "./words.ts";

const LEASE_MINUTES = 60;

export interface AppOptions {
  readonly sink?: VideoSink["kind"] | undefined;
  /** For measurements. */
  readonly onView?: (view: View) => void;
}

export class App {
  readonly #account: Account;
  readonly #options: AppOptions;
  readonly #client: RemoteRenderingClient;
  readonly #stage: Stage;
  readonly #models: ModelPanel;
  readonly #overlay = new Overlay();
  readonly #banner = new Banner();
  readonly #part = new PartPanel({
    // What is not answered changes nothing; what is wrong shows in the connection's state.
    hide: () => void this.#view?.selection.hide().catch(() => {}),
    showAll: () => void this.#view?.selection.showAll().catch(() => {}),
  });
  readonly #sessions: SessionPanel;
  readonly #newSession = byId("new-session", HTMLButtonElement);
  #view: View | null = null;
  /** The session that the stage is about, connected or not. */
  #shownId: string | null = null;
  #attempt = 0;

  constructor(account: Account, options: AppOptions) {
    const stage = new Stage();
    this.#stage = stage;
    this.#account = account;
    this.#options = options;
    this.#models = new ModelPanel((loading) => stage.say(loading ? words.LOADING : this.#connectedWords()));
    this.#client = new RemoteRenderingClient({
      endpoint: location.origin,
      accountId: account.accountId,
      accessToken: account.accessToken,
    });
    this.#sessions = new SessionPanel(this.#client, {
      onConnect: (session) => void this.#connect(session),
      onStop: (session) => this.#stop(session),
      onGone: (id) => void this.#leaveIfEnded(id),
    });
    this.#models.offer(account);
    this.#newSession.addEventListener("click", () => void this.#lease());
    this.#newSession.disabled = false;
    this.#newSession.hidden = false;
    showPerson(account, () => this.#leave());
    byId("fit", HTMLButtonElement).addEventListener("click", (event) => this.#view?.fit(event.timeStamp));
    stage.showNotice(words.WELCOME);
    stage.say("Signed in");
  }

  async #lease(): Promise<void> {
    this.#newSession.disabled = true;
    const id = `portal-${crypto.randomUUID()}`;
    try {
      await this.#leave();
      const attempt = this.#next();
      this.#shownId = id;
      this.#stage.showNotice(words.STARTING);
      await this.#client.createSession(id, { size: "Standard", maxLeaseTimeMinutes: LEASE_MINUTES });
      void this.#sessions.refresh();
      const session = await this.#client.waitUntilReady(id);
      void this.#sessions.refresh();
      if (attempt === this.#attempt) await this.#connect(session);
    } catch (error) {
      const ended = await this.#endOf(id);
      if (id === this.#shownId) this.#stage.showNotice(ended ?? { title: "No session", detail: words.sentence(error), action: null });
    } finally {
      this.#newSession.disabled = false;
    }
  }

  async #connect(session: ReadySession): Promise<void> {
    await this.#leave();
    const attempt = this.#next();
    this.#shownId = session.id;
    this.#stage.showNotice(words.CONNECTING);
    try {
      const view = await View.open({
        container: this.#stage.container,
        overlay: this.#overlay,
        session,
        accessToken: await this.#account.accessToken(),
        sink: this.#options.sink,
        onFirstPicture: () => this.#stage.showPicture(),
        onInterrupted: (interrupted) => {
          this.#stage.say(interrupted ? words.INTERRUPTED : this.#connectedWords());
          if (interrupted) void this.#leaveIfEnded(session.id);
        },
        onSelection: (state) => this.#part.show(state),
        onNotice: (notice) => this.#banner.show(notice),
        onRefining: (fraction) => this.#models.refining(fraction),
        onClosed: (reason) => this.#closed(session, reason),
      });
      if (attempt !== this.#attempt) return await view.close();
      this.#view = view;
      this.#sessions.setConnected(session.id);
      this.#models.attach((uri, onProgress) => {
        this.#banner.reset();
        return view.loadModel(uri, onProgress);
      });
      this.#options.onView?.(view);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      const notice = (await this.#endOf(session.id)) ?? words.noticeOfConnectError(error);
      this.#stage.showNotice(notice, () => void this.#connect(session));
    }
  }

  async #stop(session: Session): Promise<void> {
    await this.#client.stopSession(session.id);
    if (session.id !== this.#shownId) return;
    // The host says so as well, but a session that is being started has nobody to say it.
    await this.#leave();
    this.#next();
    this.#stage.showNotice(words.STOPPED);
  }

  #closed(session: ReadySession, reason: CloseReason): void {
    this.#view = null;
    this.#models.attach(null);
    this.#banner.reset();
    this.#part.show({ part: null, hiddenCount: 0 });
    this.#sessions.setConnected(null);
    void this.#sessions.refresh();
    const attempt = this.#next();
    const reconnect = () => void this.#connect(session);
    this.#stage.showNotice(words.noticeOfClose(reason), reconnect);
    if (reason.kind !== "lost") return;
    // A host that is gone may have gone because its session has ended; the service knows.
    void this.#endOf(session.id).then((ended) => {
      if (ended !== null && attempt === this.#attempt) this.#stage.showNotice(ended);
    });
  }

  /** A host that is not heard any more may be gone with its session; the service knows, and sooner than the network. */
  async #leaveIfEnded(id: string): Promise<void> {
    const attempt = this.#attempt;
    const ended = await this.#endOf(id);
    if (ended === null || attempt !== this.#attempt || this.#view === null) return;
    await this.#leave();
    this.#stage.showNotice(ended);
  }

  #connectedWords(): string {
    return this.#view === null ? "" : `Connected · ${this.#view.connection.welcome.adapterName}`;
  }

  /** Leaves the session that is shown; it goes on without this client. */
  async #leave(): Promise<void> {
    await this.#view?.close();
  }

  #next(): number {
    this.#attempt += 1;
    return this.#attempt;
  }

  async #endOf(id: string): Promise<words.Notice | null> {
    const session = await this.#client.getSession(id).catch(() => null);
    return session === null ? null : words.noticeOfEndedSession(session);
  }
}
