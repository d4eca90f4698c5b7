/**
 * Shows a session in an element: leases or finds it, connects, follows gestures and size, and reconnects.
 *
 *   idle ─open()─▶ leasing ─▶ starting ─▶ connecting ─▶ connected ⇄ interrupted
 *                                             ▲              │ lost
 *                                             └─ reconnecting ◀┘  while the session is ready
 *   any ─close(), session over, permanent error─▶ closed
 *
 * A viewer shows no text: it reports everything by events. It is used once.
 */

import type { CameraRig } from "../camera/rig.ts";
import { vec3 } from "../camera/vector.ts";
import type { Connection } from "../connection/connection.ts";
import type { CloseReason } from "../connection/types.ts";
import { abortable, errorOf, errorOfSignal, RemoraError, throwIfAborted } from "../errors.ts";
import { EventEmitter } from "../events.ts";
import type { ModelLoaded } from "../generated/remora/v1/connection_pb.ts";
import { RemoteRenderingClient } from "../rest/client.ts";
import type { CallOptions } from "../rest/request.ts";
import { sinkElement, type VideoSink } from "../video/video-sink.ts";
import { CameraDriver, rigOf } from "./camera-driver.ts";
import { ConnectedView } from "./connected-view.ts";
import { Connector } from "./connector.ts";
import { listenForGestures } from "./gestures.ts";
import { LeaseClock } from "./lease-clock.ts";
import { ModelLoader } from "./model-loader.ts";
import { Selection } from "./selection.ts";
import { sizeOf } from "./sizing.ts";
import type {
  CameraKind,
  FocusOptions,
  ViewerCloseReason,
  ViewerEvents,
  ViewerLoadOptions,
  ViewerOptions,
  ViewerState,
  ViewerStatistics,
} from "./types.ts";

const TICK_MILLISECONDS = 500;
const LEASE_WARNING_MINUTES = 5;
const LABEL = {
  orbit:
    "Rendered model. Arrow keys orbit, Shift and arrow keys pan, plus and minus zoom, F shows the whole model, Escape deselects.",
  walk: "Rendered model. W, A, S, D and the arrow keys walk, E and Q move up and down, F shows the whole model, Escape deselects.",
};

/** A view of a session in an element of the page. */
export class Viewer {
  /** Manages the sessions of the account. */
  readonly client: RemoteRenderingClient;
  /** The element that shows the video. */
  readonly element: HTMLCanvasElement | HTMLVideoElement;
  /** The selected part and the hidden ones. */
  readonly selection: Selection;
  /** Receives every painted frame while its pixels can still be read; for measurements. */
  onPainted: (rtpTimestamp: number) => void = () => {};
  readonly #options: ViewerOptions;
  readonly #events = new EventEmitter<ViewerEvents>();
  readonly #closing = new AbortController();
  readonly #camera: CameraDriver;
  readonly #connector: Connector;
  readonly #lease: LeaseClock;
  readonly #models: ModelLoader;
  /** True if the viewer has created the element, which it then removes. */
  readonly #ownsElement: boolean;
  #state: ViewerState = { kind: "idle" };
  #view: ConnectedView | null = null;
  #hasFrame = false;
  #marker = false;

  constructor(options: ViewerOptions) {
    const { target, sink, session, token: accessToken, endpoint, account: accountId } = options;
    this.#options = options;
    const client = { endpoint: endpoint.replace(/\/+$/, ""), accountId, accessToken };
    this.client = new RemoteRenderingClient(options.fetch === undefined ? client : { ...client, fetch: options.fetch });
    this.#ownsElement = !(target instanceof HTMLCanvasElement || target instanceof HTMLVideoElement);
    this.element = this.#ownsElement ? fill(target, sink) : (target as HTMLCanvasElement | HTMLVideoElement);
    this.#camera = new CameraDriver(rigOf(options.camera), (pose, time) => this.#view?.connection.sendPose(pose, time));
    this.selection = new Selection(this.#selectionHost(), (state) => this.#events.emit("selection", state));
    this.#models = new ModelLoader({
      model: options.model ?? null,
      camera: this.#camera,
      selection: this.selection,
      events: this.#events,
      connection: () => this.#require(),
      isClosed: () => this.#state.kind === "closed",
    });
    this.#lease = new LeaseClock(options.leaseWarningMinutes ?? LEASE_WARNING_MINUTES);
    this.#connector = new Connector({
      client: this.client,
      session,
      retryMilliseconds: options.retryMilliseconds,
      signal: this.#closing.signal,
      viewport: () => sizeOf(this.element, options.limits ?? {}, null),
      onState: (state) => this.#enter(state),
      onSession: ({ maxLeaseTimeMinutes, elapsedTimeMinutes }) =>
        this.#lease.report(maxLeaseTimeMinutes - elapsedTimeMinutes, performance.now()),
    });
    this.#describe();
    this.#listen();
  }

  /** Creates a viewer and opens it. */
  static async open(options: ViewerOptions & CallOptions): Promise<Viewer> {
    const viewer = new Viewer(options);
    await viewer.open(options);
    return viewer;
  }

  /** The current state. */
  get state(): ViewerState {
    return this.#state;
  }

  /** The id of the session; null until it is known. */
  get sessionId(): string | null {
    return this.#connector.sessionId;
  }

  /** The current connection, for commands that the viewer does not have; null while there is none. */
  get connection(): Connection | null {
    return this.#view?.connection ?? null;
  }

  /** The sink that shows the frames of the current connection; null while there is none. */
  get sink(): VideoSink | null {
    return this.#view?.sink ?? null;
  }

  /** The current statistics; null while the viewer is not connected. */
  get statistics(): ViewerStatistics | null {
    return this.#view?.statistics(performance.now()) ?? null;
  }

  /** The remaining lease, or null until it is known. */
  get leaseRemainingMinutes(): number | null {
    return this.#lease.remainingMinutes(performance.now());
  }

  /** The camera. After changing it, call {@link Viewer.cameraMoved}. */
  get camera(): CameraRig {
    return this.#camera.rig;
  }

  /** Replaces the camera; the new one starts with the pose of the old one. */
  setCamera(camera: CameraKind | CameraRig): void {
    this.#camera.replace(rigOf(camera), this.#models.bounds);
    this.#describe();
  }

  /** Sends the pose of the camera. `inputTimeMilliseconds` is the `timeStamp` of the event that moved it. */
  cameraMoved(inputTimeMilliseconds: number = performance.now()): void {
    this.#camera.moved(inputTimeMilliseconds);
  }

  /** Subscribes to an event; the result ends the subscription. */
  on<Name extends keyof ViewerEvents>(name: Name, listener: (event: ViewerEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Leases or finds the session and connects to it. Resolves when the viewer is connected. If that is not possible, closes the
   * viewer and rejects.
   */
  async open({ signal }: CallOptions = {}): Promise<void> {
    if (this.#state.kind !== "idle")
      throw new RemoraError("conflict", "A viewer can be opened only once; create another one.");
    const abort = () => this.#finish({ kind: "left" });
    if (signal?.aborted === true) abort();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      this.#take(await this.#connector.first());
    } catch (error) {
      throw this.#fail(signal?.aborted === true ? errorOfSignal(signal) : error);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
    void this.#models.loadFirst();
  }

  /**
   * Replaces the visible model. If loading fails, the scene stays as it is. The host holds both models for a moment; if its
   * memory does not suffice, call {@link Viewer.unload} first. While the viewer is not connected, rejects with `closed` and
   * loads the model after connecting.
   */
  load(uri: string, options: ViewerLoadOptions = {}): Promise<ModelLoaded> {
    return this.#models.load(uri, options);
  }

  /** Removes all models. */
  unload(options: CallOptions = {}): Promise<void> {
    return this.#models.unload(options);
  }

  /** Flies to a pose that shows the whole model. */
  fit(inputTimeMilliseconds: number = performance.now()): void {
    const { bounds } = this.#models;
    if (bounds !== null) this.#camera.flyTo(bounds, inputTimeMilliseconds);
  }

  /** Flies to the part that is visible at a point of the frame: -1 to 1 in both directions, y up. */
  async focus(x: number, y: number, options: FocusOptions = {}): Promise<void> {
    const { inputTimeMilliseconds = performance.now() } = options;
    const hit = await this.#require().pick(x, y, options);
    if (hit === null) return;
    const point = hit.position ?? vec3(0, 0, 0);
    this.#camera.flyTo({ min: hit.boundsMin ?? point, max: hit.boundsMax ?? point }, inputTimeMilliseconds);
  }

  /** Paints the id of the pose into the corner of every frame, to measure delays. */
  async setMarker(enabled: boolean, options: CallOptions = {}): Promise<void> {
    this.#marker = enabled;
    await this.#require().setLatencyMarker(enabled, options);
  }

  /** Extends the lease of the session. */
  async extendLease(minutes: number, options: CallOptions = {}): Promise<void> {
    const id = this.sessionId;
    if (id === null) throw new RemoraError("closed", "The viewer has no session yet.");
    const { maxLeaseTimeMinutes } = await this.client.getSession(id, options);
    const session = await this.client.updateLease(id, maxLeaseTimeMinutes + minutes, options);
    this.#lease.report(session.maxLeaseTimeMinutes - session.elapsedTimeMinutes, performance.now());
    this.#tick();
  }

  /** Asks the service whether the session is live, and closes the viewer with the reason if it is not. */
  async checkSession({ signal }: CallOptions = {}): Promise<void> {
    const ended = await abortable(this.#connector.ended(), signal);
    if (ended !== null) this.#finish(ended);
  }

  /** Disconnects, and stops the session if the viewer has leased it. */
  async close(): Promise<void> {
    const view = this.#view;
    this.#finish({ kind: "left" });
    await view?.connection.close();
    await this.#connector.giveBack();
  }

  #describe(): void {
    const { element } = this;
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute("aria-label", this.#options.label ?? LABEL[this.camera.walk === undefined ? "orbit" : "walk"]);
    element.style.touchAction = "none";
  }

  #listen(): void {
    const { signal } = this.#closing;
    listenForGestures(
      this.element,
      () => this.#camera.rig,
      {
        onMoved: (time) => this.#camera.moved(time),
        onWalk: () => this.#camera.run(),
        // Commands without an answer change nothing; errors surface through the viewer's state.
        onSelect: (x, y) => void this.selection.at(x, y).catch(() => {}),
        onDeselect: () => void this.selection.clear().catch(() => {}),
        onFocus: (x, y, inputTimeMilliseconds) => void this.focus(x, y, { inputTimeMilliseconds }).catch(() => {}),
        onFit: (time) => this.fit(time),
      },
      signal,
    );
    const timer = setInterval(() => this.#tick(), TICK_MILLISECONDS);
    signal.addEventListener("abort", () => clearInterval(timer));
    // A page in the back-forward cache loses its connection as well.
    addEventListener(
      "pagehide",
      () => {
        this.#connector.giveBackAtOnce();
        this.#finish({ kind: "left" });
      },
      { signal },
    );
  }

  /** Shows a new connection and follows its events. */
  #take(connection: Connection): void {
    const view = this.#show(connection);
    this.#view = view;
    connection.on("notice", (notice) => this.#events.emit("notice", notice));
    connection.on("statistics", ({ leaseRemainingMinutes }) => {
      if (leaseRemainingMinutes > 0) this.#lease.report(leaseRemainingMinutes, performance.now());
    });
    connection.on("progress", ({ stage, fraction }) =>
      this.#events.emit("progress", { uri: this.#models.shown ?? "", stage, fraction }),
    );
    connection.on("state", (state) => {
      if (state.kind === "closed") this.#lost(view, state.reason);
      else this.#enter({ kind: state.kind });
      // The service notices the end of a host sooner than the network does.
      if (state.kind === "interrupted") void this.checkSession();
    });
    this.#enter({ kind: "connected" });
    // Hosts render only after a pose. This one makes the host send a frame even if the first model is not loaded.
    this.#camera.moved(performance.now());
    if (this.#marker) connection.setLatencyMarker(true).catch(() => {});
  }

  /** Creates the view of a connection; closes the connection if that fails. */
  #show(connection: Connection): ConnectedView {
    this.#hasFrame = false;
    try {
      throwIfAborted(this.#closing.signal);
      return new ConnectedView({
        connection,
        element: this.element,
        sink: this.#options.sink,
        limits: this.#options.limits ?? {},
        onAspect: (aspect) => this.#camera.setAspect(aspect),
        onPainted: (rtpTimestamp) => this.#painted(rtpTimestamp),
      });
    } catch (error) {
      void connection.close();
      throw error;
    }
  }

  #lost(view: ConnectedView, reason: CloseReason): void {
    view.close();
    if (this.#view === view) this.#view = null;
    if (this.#state.kind === "closed") return;
    if (reason.kind === "lost") void this.#reconnect();
    else this.#finish(reason);
  }

  async #reconnect(): Promise<void> {
    try {
      const { connection, attempts } = await this.#connector.again();
      this.selection.sceneLost();
      this.#take(connection);
      this.#events.emit("reconnected", { attempts });
    } catch (error) {
      this.#fail(error);
      return;
    }
    await this.#models.loadAgain();
  }

  #painted(rtpTimestamp: number): void {
    if (!this.#hasFrame) {
      this.#hasFrame = true;
      this.#events.emit("frame", { first: true });
    }
    this.onPainted(rtpTimestamp);
  }

  #tick(): void {
    const now = performance.now();
    for (const { kind, remainingMinutes } of this.#lease.tick(now)) this.#events.emit(kind, { remainingMinutes });
    if (this.#view !== null) this.#events.emit("statistics", this.#view.statistics(now));
  }

  #require(): Connection {
    const { connection } = this;
    if (connection === null) throw new RemoraError("closed", "The viewer is not connected.");
    return connection;
  }

  /** Forwards the commands of the selection, which outlives connections, to the current one. */
  #selectionHost(): ConstructorParameters<typeof Selection>[0] {
    return {
      pick: async (x, y, options) => this.#require().pick(x, y, options),
      getEntity: async (entity, options) => this.#require().getEntity(entity, options),
      selectEntities: async (entities, options) => this.#require().selectEntities(entities, options),
      setStateOverrides: async (entities, edit, options) => this.#require().setStateOverrides(entities, edit, options),
    };
  }

  /** Closes the viewer because of an error, unless it is closed already. */
  #fail(error: unknown): RemoraError {
    const failure = errorOf(error);
    this.#finish(this.#connector.reasonOf(failure));
    // A session that was leased for this viewer has no other use.
    void this.#connector.giveBack().catch(() => {});
    return failure;
  }

  #finish(reason: ViewerCloseReason): void {
    if (this.#state.kind === "closed") return;
    const view = this.#view;
    this.#enter({ kind: "closed", reason });
    this.#closing.abort();
    this.#camera.stop();
    this.#view = null;
    view?.close();
    if (reason.kind !== "left") void view?.connection.close();
    if (this.#ownsElement) this.element.remove();
    if (reason.kind === "ended" && reason.why === "lease-expired") this.#events.emit("lease-ended", {});
  }

  #enter(state: ViewerState): void {
    if (this.#state.kind === "closed") return;
    this.#state = state;
    this.#events.emit("state", state);
  }
}

/** Replaces the content of a container with an element for the video. */
function fill(container: HTMLElement, sink: VideoSink["kind"] | undefined): HTMLCanvasElement | HTMLVideoElement {
  const element = sinkElement(sink);
  Object.assign(element.style, { display: "block", width: "100%", height: "100%", objectFit: "contain" });
  container.replaceChildren(element);
  return element;
}
