/**
 * Which part is selected and which are hidden, here and at the host.
 *
 *   at(x, y) ─▶ pick ─▶ outline, ask about it ─▶ onChange(part)
 *
 * Of several clicks in quick succession the last one counts. It shows nothing: what changes is told to its owner.
 */

import type { Connection, EntityInfo } from "@remora/sdk";

export interface SelectionState {
  readonly part: EntityInfo | null;
  readonly hiddenCount: number;
}

type Host = Pick<Connection, "pick" | "selectEntities" | "getEntity" | "setVisible">;

export class Selection {
  readonly #host: Host;
  readonly #onChange: (state: SelectionState) => void;
  #part: EntityInfo | null = null;
  #hidden: readonly bigint[] = [];
  #attempt = 0;

  constructor(host: Host, onChange: (state: SelectionState) => void) {
    this.#host = host;
    this.#onChange = onChange;
  }

  /** Selects what is seen there, or nothing where nothing is. */
  async at(x: number, y: number): Promise<void> {
    const attempt = this.#next();
    const picked = await this.#host.pick(x, y);
    if (attempt !== this.#attempt) return;
    if (picked === null) return this.clear();
    const [info] = await Promise.all([
      this.#host.getEntity(picked.entity),
      this.#host.selectEntities([picked.entity]),
    ]);
    if (attempt === this.#attempt) this.#change(info, this.#hidden);
  }

  async clear(): Promise<void> {
    this.#next();
    this.#change(null, this.#hidden);
    await this.#host.selectEntities([]);
  }

  /** Hides the selected part, which is not selected any more then. */
  async hide(): Promise<void> {
    const part = this.#part;
    if (part === null) return;
    this.#next();
    this.#change(null, [...this.#hidden, part.entity]);
    await Promise.all([this.#host.setVisible(part.entity, false), this.#host.selectEntities([])]);
  }

  async showAll(): Promise<void> {
    const hidden = this.#hidden;
    this.#change(this.#part, []);
    await Promise.all(hidden.map((entity) => this.#host.setVisible(entity, true)));
  }

  /** The scene that it was about is gone. */
  forget(): void {
    this.#next();
    this.#change(null, []);
  }

  #next(): number {
    this.#attempt += 1;
    return this.#attempt;
  }

  #change(part: EntityInfo | null, hidden: readonly bigint[]): void {
    this.#part = part;
    this.#hidden = hidden;
    this.#onChange({ part, hiddenCount: hidden.length });
  }
}
