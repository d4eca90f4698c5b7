/**
 * A client of the REST interface, API 2021-01-01: leases, watches, extends and stops sessions.
 *
 * Every request has a deadline. A request is repeated only if its token was refused, with a new token.
 */

import { abortable, RemoraError, throwIfAborted } from "../errors.ts";
import { browserScheduler, type Scheduler } from "../scheduler.ts";
import { type IceServers, parseIceServers } from "./ice-servers.ts";
import { type Answer, type CallOptions, jsonOf, type RequestOptions, request } from "./request.ts";
import { parseSession, parseSessionPage, type ReadySession, type Session, type SessionSize } from "./session.ts";
import { type AccessToken, type TokenSource, tokenSourceOf } from "./token-source.ts";

const API_VERSION = "2021-01-01";
/** The largest number of pages that one listing reads. */
const PAGES_MAX = 100;
/** Polling starts fast, because an idle host is ready in a fraction of a second, and then slows down. */
const POLL_MILLISECONDS_MIN = 60;
const POLL_MILLISECONDS_MAX = 1_000;
const POLL_GROWTH = 1.3;
const WAIT_MILLISECONDS_MAX = 120_000;

/** Options of a {@link RemoteRenderingClient}. */
export interface RemoteRenderingClientOptions {
  /** The address of the service, for example `https://localhost:8443`, or the origin of the page. */
  readonly endpoint: string;
  /** The id of the account. */
  readonly accountId: string;
  readonly accessToken: AccessToken;
  /** Replaces the `fetch` of the browser. */
  readonly fetch?: typeof fetch;
  readonly scheduler?: Scheduler;
}

/** The properties of a new session. */
export interface SessionSettings {
  readonly size: SessionSize;
  /** The session ends this long after it has become ready. */
  readonly maxLeaseTimeMinutes: number;
}

/** Options of {@link RemoteRenderingClient.waitUntilReady}. */
export interface WaitOptions extends CallOptions {
  /** The longest wait; two minutes if absent. */
  readonly timeoutMilliseconds?: number;
  /** Receives every state of the session, including the last one. */
  readonly onChange?: (session: Session) => void;
}

/** Leases and manages the sessions of one account. */
export class RemoteRenderingClient {
  /** The source of the access tokens in the requests. */
  readonly tokens: TokenSource;
  readonly #options: RemoteRenderingClientOptions;
  readonly #scheduler: Scheduler;

  constructor(options: RemoteRenderingClientOptions) {
    this.#options = options;
    this.tokens = tokenSourceOf(options.accessToken);
    this.#scheduler = options.scheduler ?? browserScheduler;
  }

  /** The address of the service. */
  get endpoint(): string {
    return this.#options.endpoint;
  }

  /** Creates a session. The caller chooses the id: at most 256 letters, digits, `-` and `_`. */
  async createSession(id: string, settings: SessionSettings, options: CallOptions = {}): Promise<Session> {
    const { size, maxLeaseTimeMinutes } = settings;
    return parseSession(await this.#json("PUT", this.#sessionUrl(id), options, { size, maxLeaseTimeMinutes }));
  }

  /** Returns the current state of a session. */
  async getSession(id: string, options: CallOptions = {}): Promise<Session> {
    return parseSession(await this.#json("GET", this.#sessionUrl(id), options));
  }

  /** Returns the live sessions of the account, from all pages. */
  async listSessions(options: CallOptions = {}): Promise<Session[]> {
    const sessions: Session[] = [];
    let next: string | null = this.#url("/sessions");
    for (let page = 0; next !== null && page < PAGES_MAX; page += 1) {
      const { sessions: some, nextLink } = parseSessionPage(await this.#json("GET", next, options));
      sessions.push(...some);
      next = nextLink;
    }
    return sessions;
  }

  /** Extends the lease; the new value must be larger than the old one. */
  async updateLease(id: string, maxLeaseTimeMinutes: number, options: CallOptions = {}): Promise<Session> {
    return parseSession(await this.#json("PATCH", this.#sessionUrl(id), options, { maxLeaseTimeMinutes }));
  }

  /** Ends the session. Stopping it again has no effect and is not an error. */
  async stopSession(id: string, options: CallOptions = {}): Promise<void> {
    await this.#request("POST", this.#sessionUrl(id, "/:stop"), options);
  }

  /**
   * Stops the session while the page is being unloaded, without waiting for the answer. Does nothing if there is no access
   * token.
   */
  stopSessionAtOnce(id: string): void {
    const { latest } = this.tokens;
    if (latest === null) return;
    const ask = this.#options.fetch ?? ((input, init) => fetch(input, init));
    const headers = { Authorization: `Bearer ${latest}` };
    // The request outlives the page, which cannot receive the answer.
    ask(this.#sessionUrl(id, "/:stop"), { method: "POST", headers, keepalive: true, credentials: "omit" }).catch(
      () => {},
    );
  }

  /** Returns the TURN servers for a client of this session; an empty list if the service has none. */
  async iceServers(id: string, options: CallOptions = {}): Promise<IceServers> {
    try {
      return parseIceServers(await this.#json("GET", this.#sessionUrl(id, "/ice-servers"), options));
    } catch (error) {
      if (error instanceof RemoraError && error.code === "not-found") return { iceServers: [], expiresInSeconds: null };
      throw error;
    }
  }

  /**
   * Polls until the session is ready. Rejects with `session-ended` or `session-failed` if it ends instead, and with
   * `timeout` if it is not ready in time.
   */
  async waitUntilReady(id: string, options: WaitOptions = {}): Promise<ReadySession> {
    const deadline = this.#scheduler.now() + (options.timeoutMilliseconds ?? WAIT_MILLISECONDS_MAX);
    let pause = POLL_MILLISECONDS_MIN;
    for (;;) {
      const session = await this.getSession(id, options);
      options.onChange?.(session);
      if (session.status === "Ready") return session;
      if (session.status !== "Starting") throw endOf(session);
      if (this.#scheduler.now() + pause > deadline) {
        throw new RemoraError("timeout", "The session did not become ready in time.");
      }
      await abortable(new Promise<void>((resolve) => this.#scheduler.after(pause, resolve)), options.signal);
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

  async #json(method: string, url: string, options: CallOptions, body?: object): Promise<unknown> {
    return jsonOf(await this.#request(method, url, options, body), url);
  }

  async #request(method: string, url: string, options: CallOptions, body?: object): Promise<Answer> {
    throwIfAborted(options.signal);
    const first = await this.tokens.token(options);
    try {
      return await this.#attempt(method, url, first, options, body);
    } catch (error) {
      if (!isRefusedToken(error)) throw error;
      this.tokens.refused(first);
      const second = await this.tokens.token(options);
      if (second === first) throw error;
      return this.#attempt(method, url, second, options, body);
    }
  }

  #attempt(method: string, url: string, accessToken: string, options: CallOptions, body?: object): Promise<Answer> {
    const headers: Record<string, string> = { Authorization: `Bearer ${accessToken}`, Accept: "application/json" };
    const init: RequestInit = { method, headers };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    const settings: RequestOptions = { signal: options.signal, fetch: this.#options.fetch, accessToken };
    return request(url, init, settings);
  }
}

/** Returns true if the request can succeed with a new token. */
export function isRefusedToken(error: unknown): boolean {
  return error instanceof RemoraError && (error.code === "unauthorized" || error.code === "token-expired");
}

/** Returns the error for a session that is over. */
export function endOf(session: Session): RemoraError {
  switch (session.status) {
    case "Error":
      return new RemoraError("session-failed", session.reason ?? "The session failed; the service gives no reason.");
    case "Expired":
      return new RemoraError("session-ended", "The lease of the session is over.");
    case "Stopped":
      return new RemoraError("session-ended", "The session was stopped.");
    case "Starting":
    case "Ready":
      return new RemoraError("conflict", `The session is ${session.status.toLowerCase()}.`);
  }
}
