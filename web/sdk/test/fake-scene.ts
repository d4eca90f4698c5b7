import { create } from "@bufbuild/protobuf";
import { type EntityInfo, EntityInfoSchema, type Picked, PickedSchema } from "../src/generated/remora/v1/connection_pb.ts";

/** A host's scene in which every place shows the same part. */
export class FakeScene {
  seen: bigint | null = null;
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
    return create(EntityInfoSchema, { entity, name: `Part ${entity}` });
  }

  async selectEntities(entities: readonly bigint[]): Promise<void> {
    this.said.push(`select ${entities.join(" ")}`);
  }

  async setVisible(entity: bigint, visible: boolean): Promise<void> {
    this.said.push(`${visible ? "show" : "hide"} ${entity}`);
  }
}
