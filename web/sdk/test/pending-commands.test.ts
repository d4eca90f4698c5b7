import { create } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, test } from "vitest";
import { PendingCommands } from "../src/connection/pending-commands.ts";
import { CommandRefused, RemoraError } from "../src/errors.ts";
import { ReplySchema } from "../src/generated/remora/v1/connection_pb.ts";
import { ManualScheduler } from "./manual-scheduler.ts";

describe("PendingCommands", () => {
  let scheduler: ManualScheduler;
  let commands: PendingCommands;

  beforeEach(() => {
    scheduler = new ManualScheduler();
    commands = new PendingCommands(scheduler);
  });

  test("passes each reply to its command, in any order", async () => {
    const first = commands.open(1_000);
    const second = commands.open(1_000);
    commands.settle(create(ReplySchema, { id: second.id, result: { case: "rayMissed", value: {} } }));
    commands.settle(create(ReplySchema, { id: first.id, result: { case: "done", value: {} } }));
    expect((await first.reply).case).toBe("done");
    expect((await second.reply).case).toBe("rayMissed");
    expect(scheduler.waiting).toBe(0);
  });

  test("never uses id 0, which requests no reply", () => {
    expect(commands.open(1_000).id).toBeGreaterThan(0);
  });

  test("rejects with the code of an error", async () => {
    const { id, reply } = commands.open(1_000);
    commands.settle(
      create(ReplySchema, { id, result: { case: "error", value: { code: "ModelNotFound", message: "no" } } }),
    );
    await expect(reply).rejects.toSatisfy(
      (error) => error instanceof CommandRefused && error.code === "model-not-found",
    );
  });

  test("rejects with the result of Azure Remote Rendering, if the error has one", async () => {
    const refused = async (value: { result?: number; resultName?: string }) => {
      const { id, reply } = commands.open(1_000);
      const error = { code: "BadCommand", message: "no", ...value };
      commands.settle(create(ReplySchema, { id, result: { case: "error", value: error } }));
      return reply.then(
        () => null,
        (reason: CommandRefused) => reason.result,
      );
    };
    expect(await refused({ result: 603, resultName: "CyclicReference" })).toEqual({
      number: 603,
      name: "CyclicReference",
    });
    expect(await refused({})).toBeNull();
  });

  test("rejects a command without a reply after its timeout", async () => {
    const { reply } = commands.open(1_000);
    scheduler.advance(1_000);
    await expect(reply).rejects.toMatchObject({ code: "timeout" });
  });

  test("passes on progress, which restarts the timeout", async () => {
    const seen: number[] = [];
    const { id, reply } = commands.open(1_000, (_, fraction) => seen.push(fraction));
    scheduler.advance(900);
    commands.progress(id, "fetching", 0.5);
    scheduler.advance(900);
    commands.settle(create(ReplySchema, { id, result: { case: "done", value: {} } }));
    await expect(reply).resolves.toMatchObject({ case: "done" });
    expect(seen).toEqual([0.5]);
  });

  test("reports progress after the reply as unclaimed", async () => {
    const seen: string[] = [];
    const { id, reply } = commands.open(1_000, (stage) => seen.push(stage));
    expect(commands.progress(id, "uploading", 1)).toBe(true);
    commands.settle(create(ReplySchema, { id, result: { case: "modelLoaded", value: {} } }));
    await reply;
    expect(commands.progress(id, "refining", 0.1)).toBe(false);
    expect(commands.progress(0xffff_ffff, "fetching", 0.1)).toBe(false);
    expect(seen).toEqual(["uploading"]);
    expect(scheduler.waiting).toBe(0);
  });

  test("rejects all commands when the connection ends", async () => {
    const replies = [commands.open(1_000).reply, commands.open(1_000).reply];
    commands.abandon();
    for (const reply of replies) await expect(reply).rejects.toMatchObject({ code: "closed" });
    expect(scheduler.waiting).toBe(0);
  });

  test("rejects a cancelled command and drops its late reply", async () => {
    const { id, reply } = commands.open(1_000);
    commands.cancel(id, new RemoraError("aborted", "no longer wanted"));
    commands.settle(create(ReplySchema, { id, result: { case: "done", value: {} } }));
    await expect(reply).rejects.toMatchObject({ code: "aborted" });
    expect(scheduler.waiting).toBe(0);
  });

  test("drops a reply to an unknown command", () => {
    expect(() => commands.settle(create(ReplySchema, { id: 99, result: { case: "done", value: {} } }))).not.toThrow();
  });
});
