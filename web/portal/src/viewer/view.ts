/**
 * One connected view of a session: connection, picture, camera, gestures and figures, from `open` to `close`.
 *
 *   input event ─▶ camera ─▶ pose ─▶ host ─▶ picture ─▶ presented ─▶ figures
 *
 * It shows no words: what happens is told to its owner.
 */

import {
  type Bounds,
  type CloseReason,
  Connection,
  FrameStatistics,
  type ModelLoaded,
  type Notice,
  OrbitCamera,
  openVideoSink,
  type ReadySession,
  type Size,
  type Statistics,
  type Vec3,
  type VideoSink,
  vec3,
  viewportFor,
} from "@remora/sdk";
import { listenForGestures } from "./gestures.ts";
import type { Overlay } from "./overlay.ts";
import { Selection, type SelectionState } from "./selection.ts";

const FIGURES_MILLISECONDS = 500;
/** A window that is being dragged larger changes its size at every display frame. */
const RESIZE_MILLISECONDS = 150;
/** A CPU that renders, encodes and perhaps decodes as well has enough to do with this. */
const AREA_PIXELS_MAX_SOFTWARE = 1280 * 720;
const AREA_PIXELS_MAX = 3840 * 2160;
const FLIGHT_MILLISECONDS = 320;
const KEYS =
  "Rendered model. Arrow keys orbit, Shift and arrow keys pan, plus and minus zoom, F shows the whole model, O toggles the figures, Escape deselects.";

export interface ViewOptions {
  readonly container: HTMLElement;
  readonly overlay: Overlay;
  readonly session: ReadySession;
  readonly accessToken: string;
  /** How pictures are shown; undefined for the best way that the browser has. */
  readonly sink: VideoSink["kind"] | undefined;
  readonly onFirstPicture: () => void;
  readonly onInterrupted: (interrupted: boolean) => void;
  readonly onSelection: (state: SelectionState) => void;
  readonly onNotice: (notice: Notice) => void;
  /** The model that is shown gets better: 0 to 1. */
  readonly onRefining: (fraction: number) => void;
  readonly onClosed: (reason: CloseReason) => void;
}

export class View {
  readonly connection: Connection;
  readonly camera = new OrbitCamera();
  readonly selection: Selection;
  readonly sink: VideoSink;
  /** Told of every painted picture while it can still be read; for measurements. */
  onPainted: (rtpTimestamp: number) => void = () => {};
  readonly #options: ViewOptions;
  readonly #frames = new FrameStatistics();
  readonly #closing = new AbortController();
  #hostStatistics: Statistics | null = null;
  #bounds: Bounds | null = null;
  #hasPicture = false;

  static async open(options: ViewOptions): Promise<View> {
    const { session, accessToken, container } = options;
    const connection = await Connection.open({
      hostname: session.address.hostname,
      handshakePort: session.address.handshakePort,
      secure: location.protocol === "https:",
      accessToken,
      viewport: sizeOf(container, AREA_PIXELS_MAX_SOFTWARE),
    });
    return new View(connection, options);
  }

  private constructor(connection: Connection, options: ViewOptions) {
    this.connection = connection;
    this.#options = options;
    this.selection = new Selection(connection, options.onSelection);
    this.sink = openVideoSink(
      connection.track,
      {
        onPainted: (rtpTimestamp) => this.#painted(rtpTimestamp),
        onPresented: (picture) => connection.picturePresented(picture),
      },
      options.sink,
    );
    const { element } = this.sink;
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute("aria-label", KEYS);
    options.container.replaceChildren(element);
    this.#followSize();
    this.#showFigures();
    listenForGestures(
      element,
      this.camera,
      {
        onMoved: (inputTime) => this.#sendPose(inputTime),
        // What is not answered changes nothing; what is wrong shows in the connection's state.
        onSelect: (x, y) => void this.selection.at(x, y).catch(() => {}),
        onDeselect: () => void this.selection.clear().catch(() => {}),
        onFocus: (x, y, inputTime) => void this.#focus(x, y, inputTime),
        onFit: (inputTime) => this.fit(inputTime),
        onToggleOverlay: () => options.overlay.toggle(),
      },
      this.#closing.signal,
    );
    connection.on("frame", (frame) => this.#frames.add(frame));
    connection.on("statistics", (statistics) => {
      this.#hostStatistics = statistics;
    });
    connection.on("notice", options.onNotice);
    connection.on("progress", ({ stage, fraction }) => {
      if (stage === "refining") options.onRefining(fraction);
    });
    connection.on("state", (state) => {
      if (state.kind === "closed") this.#closed(state.reason);
      else options.onInterrupted(state.kind === "interrupted");
    });
    // Hosts draw what a pose shows: with one, an empty scene has a picture too, whatever becomes of its first model.
    this.#sendPose(performance.now());
  }

  /** Shows this model in place of what was there. */
  async loadModel(uri: string, onProgress: (stage: string, fraction: number) => void): Promise<ModelLoaded> {
    this.selection.forget();
    await this.connection.unloadAll();
    const model = await this.connection.loadModel(uri, onProgress);
    this.#bounds = { min: model.boundsMin ?? vec3(-1, -1, -1), max: model.boundsMax ?? vec3(1, 1, 1) };
    this.camera.fit(this.#bounds, 0);
    this.#sendPose(performance.now());
    return model;
  }

  /** Flies to where the whole model is seen. */
  fit(inputTime: number): void {
    if (this.#bounds !== null) this.#flyTo(this.#bounds, inputTime);
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  #painted(rtpTimestamp: number): void {
    if (!this.#hasPicture) {
      this.#hasPicture = true;
      this.#options.onFirstPicture();
    }
    this.onPainted(rtpTimestamp);
  }

  #sendPose(inputTime: number): void {
    this.connection.sendPose(this.camera.pose(), inputTime);
  }

  async #focus(x: number, y: number, inputTime: number): Promise<void> {
    // An answer that does not come leaves the camera where it is; what is wrong shows in the connection's state.
    const hit = await this.connection.pick(x, y).catch(() => null);
    if (hit === null) return;
    const point: Vec3 = hit.position ?? vec3(0, 0, 0);
    this.#flyTo({ min: hit.boundsMin ?? point, max: hit.boundsMax ?? point }, inputTime);
  }

  #flyTo(bounds: Bounds, inputTime: number): void {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const wasFlying = this.camera.animating;
    this.camera.focus(bounds, performance.now(), still ? 0 : FLIGHT_MILLISECONDS);
    this.#sendPose(inputTime);
    if (this.camera.animating && !wasFlying) requestAnimationFrame((now) => this.#fly(now));
  }

  #fly(now: number): void {
    if (this.#closing.signal.aborted || !this.camera.advance(now)) return;
    this.#sendPose(now);
    if (this.camera.animating) requestAnimationFrame((next) => this.#fly(next));
  }

  /** Asks for pictures in the size of the element, and for sharper ones where the host can make them. */
  #followSize(): void {
    const { container } = this.#options;
    const areaMax = this.connection.welcome.softwareAdapter ? AREA_PIXELS_MAX_SOFTWARE : AREA_PIXELS_MAX;
    let asked = sizeOf(container, AREA_PIXELS_MAX_SOFTWARE);
    let timer = 0;
    const ask = () => {
      const size = sizeOf(container, areaMax, this.connection.welcome);
      if (size.widthPixels === asked.widthPixels && size.heightPixels === asked.heightPixels) return;
      asked = size;
      // A size that is not taken is no disaster: the picture is scaled.
      this.connection.setViewport(size).catch(() => {});
    };
    const observer = new ResizeObserver(() => {
      this.camera.setAspect(container.clientWidth / container.clientHeight);
      clearTimeout(timer);
      timer = setTimeout(ask, RESIZE_MILLISECONDS);
    });
    observer.observe(container);
    this.camera.setAspect(container.clientWidth / container.clientHeight);
    this.#closing.signal.addEventListener("abort", () => {
      observer.disconnect();
      clearTimeout(timer);
    });
  }

  #showFigures(): void {
    const { overlay } = this.#options;
    overlay.setAvailable(true);
    const show = () => {
      if (!overlay.visible) return;
      overlay.show({
        frames: this.#frames.snapshot(performance.now()),
        roundTripMilliseconds: this.connection.roundTripMilliseconds,
        host: this.#hostStatistics,
      });
    };
    show();
    const timer = setInterval(show, FIGURES_MILLISECONDS);
    this.#closing.signal.addEventListener("abort", () => {
      clearInterval(timer);
      overlay.setAvailable(false);
    });
  }

  #closed(reason: CloseReason): void {
    this.#closing.abort();
    this.sink.close();
    this.sink.element.remove();
    this.#options.onClosed(reason);
  }
}

function sizeOf(
  container: HTMLElement,
  areaPixelsMax: number,
  limits = { viewportWidthPixelsMax: 4096, viewportHeightPixelsMax: 4096 },
): Size {
  return viewportFor(container.clientWidth, container.clientHeight, devicePixelRatio, {
    widthPixelsMax: limits.viewportWidthPixelsMax,
    heightPixelsMax: limits.viewportHeightPixelsMax,
    areaPixelsMax,
  });
}
