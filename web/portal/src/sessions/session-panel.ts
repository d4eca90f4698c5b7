/**
 * Lists the live sessions of the account, and refreshes the list every few seconds while the page is visible.
 *
 * Rows are updated in place, so that a button keeps its focus and its place under the pointer.
 */

import type { ReadySession, RemoteRenderingClient, Session } from "@remora/sdk";
import { messageOf, minutes } from "../messages.ts";
import { build, button, byId } from "../page.ts";

const REFRESH_MILLISECONDS = 4_000;
const EXTENSION_MINUTES = 30;
/** The service accepts leases of less than one day. */
const LEASE_MINUTES_MAX = 1_439;
const ID_LETTERS = 8;

/** The actions of the list. */
export interface SessionActions {
  readonly onConnect: (session: ReadySession) => void;
  readonly onStop: (session: Session) => Promise<void>;
  /** The session that this page is connected to has left the list. */
  readonly onGone: (id: string) => void;
}

/** The list of sessions. */
export class SessionPanel {
  readonly #client: RemoteRenderingClient;
  readonly #actions: SessionActions;
  readonly #list = byId("sessions", HTMLUListElement);
  readonly #empty = byId("sessions-empty", HTMLElement);
  readonly #message = byId("sessions-message", HTMLElement);
  readonly #rows = new Map<string, SessionRow>();
  #connectedId: string | null = null;
  #timer = 0;
  #generation = 0;

  constructor(client: RemoteRenderingClient, actions: SessionActions) {
    this.#client = client;
    this.#actions = actions;
    document.addEventListener("visibilitychange", () => void this.refresh());
    void this.refresh();
  }

  /** Marks the session that this page is connected to. */
  setConnected(id: string | null): void {
    this.#connectedId = id;
    for (const row of this.#rows.values()) row.setConnected(row.session.id === id);
  }

  /** Requests the list, and schedules the next refresh. */
  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    if (document.visibilityState === "hidden") return;
    this.#generation += 1;
    const generation = this.#generation;
    try {
      const sessions = await this.#client.listSessions();
      // An outdated answer would show sessions that have ended since.
      if (generation !== this.#generation) return;
      this.#show(sessions);
      this.#setMessage("");
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#setMessage(messageOf(error));
    }
    this.#timer = setTimeout(() => void this.refresh(), REFRESH_MILLISECONDS);
  }

  #show(sessions: readonly Session[]): void {
    const live = new Set(sessions.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (live.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    for (const session of sessions) {
      const row = this.#rows.get(session.id);
      if (row === undefined) this.#add(session);
      else row.update(session);
    }
    this.#empty.hidden = this.#rows.size > 0;
    if (this.#connectedId !== null && !live.has(this.#connectedId)) this.#actions.onGone(this.#connectedId);
  }

  #add(session: Session): void {
    const row = new SessionRow(session, {
      connect: (current) => this.#actions.onConnect(current),
      extend: (current) => this.#attempt(() => this.#extend(current)),
      stop: (current) => this.#attempt(() => this.#actions.onStop(current)),
    });
    row.setConnected(session.id === this.#connectedId);
    this.#rows.set(session.id, row);
    this.#list.prepend(row.element);
  }

  async #extend(session: Session): Promise<void> {
    const lease = Math.min(session.maxLeaseTimeMinutes + EXTENSION_MINUTES, LEASE_MINUTES_MAX);
    await this.#client.updateLease(session.id, lease);
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      await this.refresh();
    } catch (error) {
      this.#setMessage(messageOf(error));
    }
  }

  #setMessage(text: string): void {
    if (this.#message.textContent !== text) this.#message.textContent = text;
  }
}

interface RowActions {
  readonly connect: (session: ReadySession) => void;
  readonly extend: (session: Session) => Promise<void>;
  readonly stop: (session: Session) => Promise<void>;
}

/** One session in the list. */
class SessionRow {
  readonly element: HTMLLIElement;
  session: Session;
  readonly #status = build("span", { class: "session-status" });
  readonly #lease = build("p", { class: "session-lease" });
  readonly #owner = build("p", { class: "session-lease" });
  readonly #connect: HTMLButtonElement;
  #connected = false;

  constructor(session: Session, actions: RowActions) {
    this.session = session;
    this.#connect = button("Connect", () => {
      if (this.session.status === "Ready") actions.connect(this.session);
    });
    const nameId = `session-${session.id}`;
    const described = { "aria-describedby": nameId };
    this.#connect.setAttribute("aria-describedby", nameId);
    const stop = button(
      "Stop",
      () => {
        stop.disabled = true;
        void actions.stop(this.session).finally(() => {
          stop.disabled = false;
        });
      },
      { class: "danger", ...described },
    );
    this.element = build(
      "li",
      { class: "session" },
      build(
        "p",
        { class: "session-title" },
        build("span", { class: "session-id", id: nameId, title: session.id }, shortId(session.id)),
        this.#status,
      ),
      this.#lease,
      this.#owner,
      build(
        "div",
        { class: "session-actions" },
        this.#connect,
        button(`Extend ${EXTENSION_MINUTES} min`, () => void actions.extend(this.session), described),
        stop,
      ),
    );
    this.update(session);
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
    this.update(this.session);
  }

  update(session: Session): void {
    this.session = session;
    const status = this.#connected ? "Connected here" : session.status;
    if (this.#status.textContent !== status) this.#status.textContent = status;
    this.#status.dataset["status"] = session.status;
    const left = Math.max(0, session.maxLeaseTimeMinutes - session.elapsedTimeMinutes);
    const lease = `${session.size} · ${minutes(left)} left of ${minutes(session.maxLeaseTimeMinutes)}`;
    const owner = session.owner === null ? "" : `Created by ${session.owner.name}`;
    if (this.#owner.textContent !== owner) this.#owner.textContent = owner;
    this.#owner.hidden = owner === "";
    if (this.#lease.textContent !== lease) this.#lease.textContent = lease;
    this.#connect.disabled = session.status !== "Ready" || this.#connected;
  }
}

/** Returns the end of an id, in which the sessions of one client differ. */
function shortId(id: string): string {
  return id.length <= ID_LETTERS ? id : `…${id.slice(-ID_LETTERS)}`;
}
