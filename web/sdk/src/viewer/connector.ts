/**
 * Connects a viewer to its session: leases or finds it, connects, and tries again while the session is ready.
 *
 *   first() ─▶ lease or find ─▶ wait until ready ─▶ connect ─┬─▶ Connection
 *   again() ────────────────────────────────────────▲        └─ failed ─▶ session still ready? ─▶ pause ─┐
 *                                                   └────────────────────────────────────────────────────┘
 */

import { browserProblem } from "../connection/browser.ts";
import { Connection } from "../connection/connection.ts";
import type { CloseReason } from "../connection/types.ts";
import type { Size } from "../connection/viewport.ts";
import { abortable, RemoraError, throwIfAborted } from "../errors.ts";
import { endOf, isRefusedToken, type RemoteRenderingClient } from "../rest/client.ts";
import type { ReadySession, Session } from "../rest/session.ts";
import { hasReachedHost, mayRetry, pauseAfter } from "./retry.ts";
import type { LeaseRequest, ViewerCloseReason, ViewerState } from "./types.ts";

const LEASE_MINUTES = 60;
const RETRY_MILLISECONDS_MAX = 10 * 60_000;

export interface ConnectorOptions {
  readonly client: RemoteRenderingClient;
  readonly session: string | ReadySession | LeaseRequest;
  readonly retryMilliseconds: number | undefined;
  /** Aborted when the viewer is closed. */
  readonly signal: AbortSignal;
  readonly viewport: () => Size;
  readonly onState: (state: ViewerState) => void;
  readonly onSession: (session: ReadySession) => void;
}

/** Leases and connects the session of one viewer. */
export class Connector {
  readonly #options: ConnectorOptions;
  /** True while this viewer has a lease that it must stop. */
  #leased = false;
  /** The request that creates the session. */
  #creation: Promise<unknown> = Promise.resolve();
  #sessionId: string | null = null;
  #session: ReadySession | null = null;
  /** The final state of the session, once it is over. */
  #ended: Session | null = null;
  #iceServers: Promise<readonly RTCIceServer[]> | null = null;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    const { session } = options;
    if (typeof session === "string") this.#sessionId = session;
    else if ("address" in session) this.#sessionId = session.id;
  }

  get sessionId(): string | null {
    return this.#sessionId;
  }

  /** Leases or finds the session, and connects. */
  async first(): Promise<Connection> {
    const { client, signal, onState } = this.#options;
    throwIfAborted(signal);
    const problem = browserProblem();
    if (problem !== null) throw problem;
    const { session } = this.#options;
    if (typeof session === "object" && "address" in session) {
      this.#note(session);
      onState({ kind: "connecting" });
      return (await this.#connect(session, false)).connection;
    }
    onState({ kind: "leasing" });
    const id = typeof session === "string" ? session : await this.#lease(session);
    // The request runs while the host starts, so that connecting does not wait for it.
    this.#iceServers = this.#askIceServers(id);
    const onChange = (seen: Session) => {
      if (seen.status === "Starting") onState({ kind: "starting" });
      this.#note(seen);
    };
    const ready = await client.waitUntilReady(id, { signal, onChange });
    onState({ kind: "connecting" });
    return (await this.#connect(ready, false)).connection;
  }

  /** Connects again after the connection was lost. */
  async again(): Promise<{ connection: Connection; attempts: number }> {
    const error = new RemoraError("closed", "The connection to the render host was lost.");
    this.#options.onState({ kind: "reconnecting", attempt: 1, error });
    const session = (await this.#stillReady()) ?? this.#session;
    if (session === null) throw error;
    return this.#connect(session, true);
  }

  /** Returns the reason if the session is over; null if it is live, or if the service does not answer. */
  async ended(): Promise<ViewerCloseReason | null> {
    try {
      await this.#stillReady();
      return null;
    } catch (error) {
      if (!(error instanceof RemoraError) || error.code === "aborted") return null;
      return this.reasonOf(error);
    }
  }

  /** Returns the reason for closing a viewer after an error. */
  reasonOf(error: RemoraError): ViewerCloseReason {
    if (error.code === "aborted") return { kind: "left" };
    const ended = this.#ended;
    if (ended === null || (error.code !== "session-ended" && error.code !== "session-failed")) {
      return { kind: "failed", error };
    }
    return { kind: "ended", why: WHY[ended.status] ?? "stopped", message: error.message };
  }

  /** Stops the session if it was leased here. */
  async giveBack(): Promise<void> {
    const id = this.#sessionId;
    if (!this.#leased || id === null) return;
    this.#leased = false;
    // The request to stop must not overtake the request to create.
    await this.#creation.catch(() => {});
    if (this.#ended === null) await this.#options.client.stopSession(id);
  }

  /** Stops the session while the page is being unloaded. */
  giveBackAtOnce(): void {
    if (this.#leased && this.#sessionId !== null) this.#options.client.stopSessionAtOnce(this.#sessionId);
  }

  async #lease(session: LeaseRequest): Promise<string> {
    const { client, signal } = this.#options;
    const id = session.id ?? `viewer-${randomDigits()}`;
    const settings = { size: session.size ?? "Standard", maxLeaseTimeMinutes: session.minutes ?? LEASE_MINUTES };
    // Only waiting for the token can be aborted. The request to create may have arrived already, so it runs to its end.
    await client.tokens.token({ signal });
    throwIfAborted(signal);
    this.#sessionId = id;
    this.#leased = true;
    this.#creation = client.createSession(id, settings);
    try {
      await abortable(this.#creation, signal);
    } catch (error) {
      // Without an answer, the session may exist. A refused session does not.
      if (!(error instanceof RemoraError) || !UNANSWERED.has(error.code)) this.#leased = false;
      throw error;
    }
    return id;
  }

  async #connect(first: ReadySession, wasConnected: boolean): Promise<{ connection: Connection; attempts: number }> {
    const { signal, onState, retryMilliseconds = RETRY_MILLISECONDS_MAX } = this.#options;
    const sinceMilliseconds = performance.now();
    let session = first;
    let reachedHost = wasConnected;
    let renewed = false;
    for (let attempt = 1; ; attempt += 1) {
      const startMilliseconds = performance.now();
      try {
        return { connection: await this.#attempt(session), attempts: attempt };
      } catch (error) {
        throwIfAborted(signal);
        if (!(error instanceof RemoraError)) throw error;
        // The attempt has dropped the refused token from the token source.
        if (!renewed && isRefusedToken(error)) {
          renewed = true;
          continue;
        }
        const now = performance.now();
        reachedHost ||= hasReachedHost(error);
        const history = { sinceMilliseconds, reachedHost };
        const pause = pauseAfter(attempt, error, now - startMilliseconds);
        if (!mayRetry(error, history, now) || now + pause - sinceMilliseconds > retryMilliseconds) throw error;
        onState({ kind: "reconnecting", attempt: attempt + 1, error });
        session = (await this.#stillReady()) ?? session;
        await this.#pause(pause);
      }
    }
  }

  async #attempt({ address, id }: ReadySession): Promise<Connection> {
    const { client, signal, viewport } = this.#options;
    const accessToken = await client.tokens.token({ signal });
    this.#iceServers ??= this.#askIceServers(id);
    const iceServers = await this.#iceServers;
    // The credentials expire; the next attempt requests new ones.
    this.#iceServers = null;
    const { hostname, handshakePort } = address;
    try {
      return await Connection.open({
        hostname,
        handshakePort,
        // Hosts and service offer plain HTTP only to pages on their own machine.
        secure: !client.endpoint.startsWith("http:"),
        accessToken,
        iceServers,
        signal,
        viewport: viewport(),
      });
    } catch (error) {
      if (isRefusedToken(error)) client.tokens.refused(accessToken);
      throw error;
    }
  }

  /** Requests the TURN servers; returns none if that fails, because there may be a path without them. */
  #askIceServers(id: string): Promise<readonly RTCIceServer[]> {
    const { client, signal } = this.#options;
    return client.iceServers(id, { signal }).then(
      ({ iceServers }) => iceServers,
      () => [],
    );
  }

  /** Returns the session if it is ready, or null if it is starting or its state is unknown; throws if it is over. */
  async #stillReady(): Promise<ReadySession | null> {
    const { client, signal } = this.#options;
    const id = this.#sessionId;
    if (id === null) return null;
    let session: Session;
    try {
      session = await client.getSession(id, { signal });
    } catch (error) {
      throwIfAborted(signal);
      if (error instanceof RemoraError && error.code === "not-found") throw error;
      return null;
    }
    this.#note(session);
    if (session.status === "Ready") return session;
    if (session.status === "Starting") return null;
    throw endOf(session);
  }

  #note(session: Session): void {
    if (session.status === "Ready") {
      this.#session = session;
      this.#options.onSession(session);
    } else if (session.status !== "Starting") {
      this.#ended = session;
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return abortable(new Promise((resolve) => setTimeout(resolve, milliseconds)), this.#options.signal);
  }
}

/** Returns 128 random bits as hexadecimal digits. `crypto.randomUUID` is missing on pages without HTTPS. */
function randomDigits(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The errors after which a request may have been carried out. */
const UNANSWERED: ReadonlySet<string> = new Set(["timeout", "aborted", "service-unreachable", "unexpected-answer"]);

const WHY: Readonly<Record<string, Extract<CloseReason, { kind: "ended" }>["why"]>> = {
  Stopped: "stopped",
  Expired: "lease-expired",
  Error: "host-failed",
};
