import { create } from "@bufbuild/protobuf";
import type { StateOverrideEdit } from "../src/connection/state-overrides.ts";
import { CommandRefused, RemoraError } from "../src/errors.ts";
import {
  type EntityInfo,
  EntityInfoSchema,
  type Picked,
  PickedSchema,
} from "../src/generated/remora/v1/connection_pb.ts";

/** Simulates the scene of a host in which every point of the frame shows the same part. */
export class FakeScene {
  seen: bigint | null = null;
  /** The id of the root. */
  first = 0n;
  count = 1_000n;
  /** Offsets from the root of parts that have changed in the file. */
  readonly changed = new Set<bigint>();
  lost = false;
  /** All commands, as text. */
  readonly commands: string[] = [];
  #gate: Promise<void> = Promise.resolve();

  /** Holds back the answer to the next pick until the returned function is called; the result is already fixed. */
  holdPick(): () => void {
    let open = () => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  }

  async pick(x: number, y: number): Promise<Picked | null> {
    this.commands.push(`pick ${x} ${y}`);
    const { seen } = this;
    const gate = this.#gate;
    this.#gate = Promise.resolve();
    await gate;
    return seen === null ? null : create(PickedSchema, { entity: seen });
  }

  async getEntity(entity: bigint): Promise<EntityInfo> {
    this.commands.push(`get ${entity}`);
    if (this.lost) throw new RemoraError("closed", "lost");
    const offset = entity - this.first;
    if (offset > this.count) throw new CommandRefused("EntityNotFound", "no such entity");
    const path = this.changed.has(offset) ? "/Other" : `/Engine/${offset}`;
    return create(EntityInfoSchema, { entity, name: `Part ${entity}`, path });
  }

  async selectEntities(entities: readonly bigint[]): Promise<void> {
    this.commands.push(`select ${entities.join(" ")}`);
  }

  async setStateOverrides(entities: readonly bigint[], { visible }: StateOverrideEdit): Promise<void> {
    const word = visible === false ? "hide" : visible === null ? "inherit visible" : "?";
    this.commands.push(`${word} ${entities.join(" ")}`);
  }
}
