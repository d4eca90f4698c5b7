/**
 * Loads the model of a viewer.
 *
 *   load(uri) ─▶ wanted ─▶ host ─┬─▶ shown: camera, selection, event "loaded"
 *                                ├─▶ refused: event "load-failed"; the previous model stays
 *                                └─▶ connection lost: stays wanted ─loadAgain()─▶ host
 */

import { type Bounds, vec3 } from "../camera/vector.ts";
import type { Connection } from "../connection/connection.ts";
import { errorOf } from "../errors.ts";
import type { EventEmitter } from "../events.ts";
import type { ModelLoaded } from "../generated/remora/v1/connection_pb.ts";
import type { CallOptions } from "../rest/request.ts";
import type { CameraDriver } from "./camera-driver.ts";
import type { Selection } from "./selection.ts";
import type { ViewerEvents, ViewerLoadOptions } from "./types.ts";

/** Options of a {@link ModelLoader}. */
export interface ModelLoaderOptions {
  /** The model that the first connection loads. */
  readonly model: string | null;
  readonly camera: CameraDriver;
  readonly selection: Selection;
  readonly events: EventEmitter<ViewerEvents>;
  /** Returns the current connection; throws `closed` if there is none. */
  readonly connection: () => Connection;
  /** Returns true once the viewer is closed. */
  readonly isClosed: () => boolean;
}

/** The model of one viewer, through all its connections. */
export class ModelLoader {
  readonly #options: ModelLoaderOptions;
  #bounds: Bounds | null = null;
  /** The address of the visible model. */
  #shown: string | null = null;
  /** The address that was requested last and not refused; every connection loads it. */
  #wanted: string | null;

  constructor(options: ModelLoaderOptions) {
    this.#options = options;
    this.#wanted = options.model;
  }

  /** The bounds of the visible model. */
  get bounds(): Bounds | null {
    return this.#bounds;
  }

  /** The address of the visible model. */
  get shown(): string | null {
    return this.#shown;
  }

  /** Replaces the visible model. */
  load(uri: string, options: ViewerLoadOptions): Promise<ModelLoaded> {
    return this.#load(uri, options, (root) => this.#options.selection.forget(root));
  }

  /** Loads the wanted model, if there is one, into the scene of the first connection. */
  async loadFirst(): Promise<void> {
    // The event "load-failed" reports a failure.
    if (this.#wanted !== null) await this.load(this.#wanted, {}).catch(() => {});
  }

  /** Loads the wanted model into the scene of another connection, which is empty, and hides the same parts. */
  async loadAgain(): Promise<void> {
    const { selection } = this.#options;
    const [wanted, isSame] = [this.#wanted, this.#wanted === this.#shown];
    if (wanted === null) return selection.forget();
    const restore = (root: bigint) => void selection.restore(root).catch(() => {});
    const forget = (root: bigint) => selection.forget(root);
    // The event "load-failed" reports a failure.
    await this.#load(wanted, { keepCamera: isSame }, isSame ? restore : forget).catch(() => {});
  }

  /** Removes all models. */
  async unload(options: CallOptions): Promise<void> {
    await this.#options.connection().unloadAll(options);
    this.#shown = null;
    this.#wanted = null;
    this.#bounds = null;
    this.#options.selection.forget();
  }

  /** `onShown` receives the root of the model. */
  async #load(uri: string, options: ViewerLoadOptions, onShown: (root: bigint) => void): Promise<ModelLoaded> {
    const { camera, connection, events, isClosed } = this.#options;
    const onProgress = (stage: string, fraction: number) => {
      options.onProgress?.(stage, fraction);
      events.emit("progress", { uri, stage, fraction });
    };
    this.#wanted = uri;
    try {
      const model = await connection().loadModel(uri, { replace: true, onProgress, signal: options.signal });
      this.#shown = uri;
      onShown(model.rootEntity);
      this.#bounds = { min: model.boundsMin ?? vec3(-1, -1, -1), max: model.boundsMax ?? vec3(1, 1, 1) };
      if (options.keepCamera !== true) camera.show(this.#bounds);
      events.emit("loaded", { uri, model });
      return model;
    } catch (error) {
      const failure = errorOf(error);
      // If the connection was lost, the next one loads the model.
      const isPending = failure.code === "closed" && !isClosed();
      if (!isPending && this.#wanted === uri) this.#wanted = this.#shown;
      if (!isPending) events.emit("load-failed", { uri, error: failure });
      throw failure;
    }
  }
}
