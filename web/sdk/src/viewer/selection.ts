/**
 * Tracks the selected part and the hidden parts, and tells the host.
 *
 *   at(x, y) ─▶ pick ─▶ outline, request properties ─▶ onChange(part)
 *
 * The last of several clicks in quick succession wins. A selection displays nothing; its owner receives every change.
 */

import type { Connection } from "../connection/connection.ts";
import { RemoraError } from "../errors.ts";
import type { EntityInfo } from "../generated/remora/v1/connection_pb.ts";
import type { CallOptions } from "../rest/request.ts";

/** The selected part of a model, and the number of parts that are hidden. */
export interface SelectionState {
  readonly part: EntityInfo | null;
  readonly hiddenCount: number;
}

/** The commands that a {@link Selection} sends. */
export type SelectionHost = Pick<Connection, "pick" | "selectEntities" | "getEntity" | "setStateOverrides">;

/** A hidden part. Its id differs from scene to scene, but the offset of its id from that of the model's root does not. */
interface HiddenPart {
  readonly offset: bigint;
  /** The path in the model, to verify that the part of another scene is the same. */
  readonly path: string;
}

/** Selects and hides parts of the model. */
export class Selection {
  readonly #host: SelectionHost;
  readonly #onChange: (state: SelectionState) => void;
  #part: EntityInfo | null = null;
  #hidden: readonly HiddenPart[] = [];
  /** The root of the model; 0 if there is none. */
  #root = 0n;
  #attempt = 0;

  constructor(host: SelectionHost, onChange: (state: SelectionState) => void) {
    this.#host = host;
    this.#onChange = onChange;
  }

  /** The selected part and the number of hidden ones. */
  get state(): SelectionState {
    return { part: this.#part, hiddenCount: this.#hidden.length };
  }

  /** Selects the part that is visible at a point of the frame, or nothing on the background. */
  async at(x: number, y: number, options: CallOptions = {}): Promise<void> {
    const attempt = this.#next();
    const picked = await this.#host.pick(x, y, options);
    if (attempt !== this.#attempt) return;
    if (picked === null) return this.clear(options);
    await this.#show(picked.entity, attempt, options);
  }

  /** Selects a part by its id. */
  async entity(id: bigint, options: CallOptions = {}): Promise<void> {
    await this.#show(id, this.#next(), options);
  }

  async #show(id: bigint, attempt: number, options: CallOptions): Promise<void> {
    const [info] = await Promise.all([this.#host.getEntity(id, options), this.#host.selectEntities([id], options)]);
    if (attempt === this.#attempt) this.#change(info, this.#hidden);
  }

  /** Deselects the selected part. */
  async clear(options: CallOptions = {}): Promise<void> {
    this.#next();
    this.#change(null, this.#hidden);
    await this.#host.selectEntities([], options);
  }

  /** Hides and deselects the selected part. */
  async hide(options: CallOptions = {}): Promise<void> {
    const part = this.#part;
    if (part === null) return;
    this.#next();
    this.#change(null, [...this.#hidden, { offset: part.entity - this.#root, path: part.path }]);
    await Promise.all([
      this.#host.setStateOverrides([part.entity], { visible: false }, options),
      this.#host.selectEntities([], options),
    ]);
  }

  /** Shows all hidden parts again. */
  async showAll(options: CallOptions = {}): Promise<void> {
    const hidden = this.#hidden;
    this.#change(this.#part, []);
    await this.#override(hidden, null, options);
  }

  /** Drops all state without commands, after the scene was replaced by the model with this root. */
  forget(root = 0n): void {
    this.#root = root;
    this.#next();
    this.#change(null, []);
  }

  /** Drops the selected part without commands, after the host has lost the scene. */
  sceneLost(): void {
    this.#next();
    this.#change(null, this.#hidden);
  }

  /**
   * Hides the same parts after the same model was loaded again and has this root. A part that is not found under its path,
   * because the file has changed, stays visible.
   */
  async restore(root: bigint, options: CallOptions = {}): Promise<void> {
    this.#root = root;
    const before = this.#hidden;
    const isFound = await Promise.all(before.map((part) => this.#isThere(part, options)));
    const gone = new Set(before.filter((_, index) => isFound[index] === false));
    // Meanwhile, more parts may have been hidden, or all of them shown.
    const hidden = this.#hidden.filter((part) => !gone.has(part));
    this.#change(this.#part, hidden);
    await this.#override(
      hidden.filter((part) => before.includes(part)),
      false,
      options,
    );
  }

  async #isThere({ offset, path }: HiddenPart, options: CallOptions): Promise<boolean> {
    try {
      return (await this.#host.getEntity(this.#root + offset, options)).path === path;
    } catch (error) {
      if (error instanceof RemoraError && error.code === "entity-not-found") return false;
      throw error;
    }
  }

  async #override(parts: readonly HiddenPart[], visible: false | null, options: CallOptions): Promise<void> {
    if (parts.length === 0) return;
    const entities = parts.map(({ offset }) => this.#root + offset);
    await this.#host.setStateOverrides(entities, { visible }, options);
  }

  #next(): number {
    this.#attempt += 1;
    return this.#attempt;
  }

  #change(part: EntityInfo | null, hidden: readonly HiddenPart[]): void {
    this.#part = part;
    this.#hidden = hidden;
    this.#onChange({ part, hiddenCount: hidden.length });
  }
}
