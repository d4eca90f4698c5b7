/**
 * The REST interface, API 2021-01-01: leases, watches, extends and gives back sessions.
 *
 * Every request has a deadline; nothing is retried behind the caller's back. The access token is asked for at every
 * request, so that a provider may renew it.
 */

import { browserScheduler, type Scheduler } from "../scheduler.ts";
import { refusalOf, ServiceUnreachable, SessionNotReady } from "./errors.ts";
import { parseSession, parseSessionPage, type ReadySession, type Session, type SessionSize } from "./session.ts";

const API_VERSION = "2021-01-01";
const REQUEST_MILLISECONDS_MAX = 15_000;
/** More sessions than these in one account are not listed. */
const PAGES_MAX = 100;
/** Polling is quick at first, since a host with a warm start is ready in a fraction of a second, then slower. */
const POLL_MILLISECONDS_MIN = 60;
const POLL_MILLISECONDS_MAX = 1_000;
const POLL_GROWTH = 1.3;

export type AccessToken = string | (() => string | Promise<string>);

export interface RemoteRenderingClientOptions {
  /** `https://localhost:8443`, or the page's own origin. */
  readonly endpoint: string;
  readonly accountId: string;
  readonly accessToken: AccessToken;
  readonly fetch?: typeof fetch;
  readonly scheduler?: Scheduler;
}

export interface SessionSettings {
  readonly size: SessionSize;
  readonly maxLeaseTimeMinutes: number;
}

export interface WaitOptions {
  readonly timeoutMilliseconds?: number;
  readonly onChange?: (session: Session) => void;
}

export class RemoteRenderingClient {
  readonly #options: RemoteRenderingClientOptions;
  readonly #fetch: typeof fetch;
  readonly #scheduler: Scheduler;

  constructor(options: RemoteRenderingClientOptions) {
    this.#options = options;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#scheduler = options.scheduler ?? browserScheduler;
  }

  /** Asks for a session; the id is the caller's choice: letters, digits, `-` and `_`, at most 256. */
  async createSession(id: string, settings: SessionSettings): Promise<Session> {
    return parseSession(await this.#json("PUT", this.#sessionUrl(id), settings));
  }

  async getSession(id: string): Promise<Session> {
    return parseSession(await this.#json("GET", this.#sessionUrl(id)));
  }

  /** The live sessions of the account, all pages. */
  async listSessions(): Promise<Session[]> {
    const sessions: Session[] = [];
    let next: string | null = this.#url("/sessions");
    for (let page = 0; next !== null && page < PAGES_MAX; page += 1) {
      const { sessions: some, nextLink } = parseSessionPage(await this.#json("GET", next));
      sessions.push(...some);
      next = nextLink;
    }
    return sessions;
  }

  /** Prolongs the lease; the new value must be larger than the old one. */
  async updateLease(id: string, maxLeaseTimeMinutes: number): Promise<Session> {
    return parseSession(await this.#json("PATCH", this.#sessionUrl(id), { maxLeaseTimeMinutes }));
  }

  /** Ends the session; ending it twice is no error. */
  async stopSession(id: string): Promise<void> {
    await this.#request("POST", this.#sessionUrl(id, "/:stop"));
  }

  /** Polls until the session is Ready; throws `SessionNotReady` when it ends instead or the wait is over. */
  async waitUntilReady(id: string, options: WaitOptions = {}): Promise<ReadySession> {
    const deadline = this.#scheduler.now() + (options.timeoutMilliseconds ?? 120_000);
    let pause = POLL_MILLISECONDS_MIN;
    for (;;) {
      const session = await this.getSession(id);
      options.onChange?.(session);
      if (session.status === "Ready") return session;
      if (session.status !== "Starting") {
        throw new SessionNotReady(session.reason ?? `The session ended before it was ready (${session.status}).`);
      }
      if (this.#scheduler.now() + pause > deadline) {
        throw new SessionNotReady("The session did not become ready in time.");
      }
      await new Promise<void>((resolve) => this.#scheduler.after(pause, resolve));
      pause = Math.min(pause * POLL_GROWTH, POLL_MILLISECONDS_MAX);
    }
  }

  #sessionUrl(id: string, action = ""): string {
    return this.#url(`/sessions/${encodeURIComponent(id)}${action}`);
  }

  #url(path: string): string {
    const { endpoint, accountId } = this.#options;
    return `${endpoint}/accounts/${encodeURIComponent(accountId)}${path}?api-version=${API_VERSION}`;
  }

  async #json(method: string, url: string, body?: object): Promise<unknown> {
    return (await this.#request(method, url, body)).json();
  }

  async #request(method: string, url: string, body?: object): Promise<Response> {
    const { accessToken } = this.#options;
    const token = typeof accessToken === "string" ? accessToken : await accessToken();
    const headers: Record<string, string> = { Authorization: `Bearer ${token}`, Accept: "application/json" };
    const init: RequestInit = { method, headers, signal: AbortSignal.timeout(REQUEST_MILLISECONDS_MAX) };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    let response: Response;
    try {
      response = await this.#fetch(url, init);
    } catch (cause) {
      throw new ServiceUnreachable(this.#options.endpoint, cause);
    }
    if (!response.ok) throw await refusalOf(response);
    return response;
  }
}
