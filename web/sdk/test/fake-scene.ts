import { create } from "@bufbuild/protobuf";
import type { StateOverrideEdit } from "../src/connection/types.ts";
import { CommandRefused, RemoraError } from "../src/errors.ts";
import {
  type EntityInfo,
  EntityInfoSchema,
  type Picked,
  PickedSchema,
} from "../src/generated/remora/v1/connection_pb.ts";

/** A host's scene in which every place shows the same part. */
export class FakeScene {
  seen: bigint | null = null;
  /** The ids of this scene follow this one. */
  first = 0n;
  count = 1_000n;
  /** Distances from the root of the parts that are different ones now. */
  readonly changed = new Set<bigint>();
  lost = false;
  /** The requests that it received, in words. */
  readonly said: string[] = [];
  #gate: Promise<void> = Promise.resolve();

  /** The next pick is answered when this is called; what it sees is decided at once. */
  holdPick(): () => void {
    let open = () => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  }

  async pick(x: number, y: number): Promise<Picked | null> {
    this.said.push(`pick ${x} ${y}`);
    const { seen } = this;
    const gate = this.#gate;
    this.#gate = Promise.resolve();
    await gate;
    return seen === null ? null : create(PickedSchema, { entity: seen });
  }

  async getEntity(entity: bigint): Promise<EntityInfo> {
    this.said.push(`get ${entity}`);
    if (this.lost) throw new RemoraError("closed", "lost");
    const offset = entity - this.first;
    if (offset > this.count) throw new CommandRefused("EntityNotFound", "no such entity");
    const path = this.changed.has(offset) ? "/Other" : `/Engine/${offset}`;
    return create(EntityInfoSchema, { entity, name: `Part ${entity}`, path });
  }

  async selectEntities(entities: readonly bigint[]): Promise<void> {
    this.said.push(`select ${entities.join(" ")}`);
  }

  async setStateOverrides(entities: readonly bigint[], { visible }: StateOverrideEdit): Promise<void> {
    const word = visible === false ? "hide" : visible === null ? "inherit visible" : "?";
    this.said.push(`${word} ${entities.join(" ")}`);
  }
}
