import { create } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, test } from "vitest";
import { CommandLedger } from "../src/connection/pending-commands.ts";
import { CommandRefused, RemoraError } from "../src/errors.ts";
import { ReplySchema } from "../src/generated/remora/v1/connection_pb.ts";
import { ManualScheduler } from "./manual-scheduler.ts";

describe("CommandLedger", () => {
  let scheduler: ManualScheduler;
  let ledger: CommandLedger;

  beforeEach(() => {
    scheduler = new ManualScheduler();
    ledger = new CommandLedger(scheduler);
  });

  test("gives each reply to the command that it answers, in any order", async () => {
    const first = ledger.open(1_000);
    const second = ledger.open(1_000);
    ledger.settle(create(ReplySchema, { id: second.id, result: { case: "rayMissed", value: {} } }));
    ledger.settle(create(ReplySchema, { id: first.id, result: { case: "done", value: {} } }));
    expect((await first.reply).case).toBe("done");
    expect((await second.reply).case).toBe("rayMissed");
    expect(scheduler.waiting).toBe(0);
  });

  test("never uses id 0, which asks for no reply", () => {
    expect(ledger.open(1_000).id).toBeGreaterThan(0);
  });

  test("turns an error into an exception with its code and words", async () => {
    const { id, reply } = ledger.open(1_000);
    ledger.settle(create(ReplySchema, { id, result: { case: "error", value: { code: "ModelNotFound", message: "no" } } }));
    await expect(reply).rejects.toSatisfy((error) => error instanceof CommandRefused && error.code === "model-not-found");
  });

  test("does not wait for ever", async () => {
    const { reply } = ledger.open(1_000);
    scheduler.advance(1_000);
    await expect(reply).rejects.toMatchObject({ code: "timeout" });
  });

  test("progress is a sign of life and is passed on", async () => {
    const seen: number[] = [];
    const { id, reply } = ledger.open(1_000, (_, fraction) => seen.push(fraction));
    scheduler.advance(900);
    ledger.progress(id, "fetching", 0.5);
    scheduler.advance(900);
    ledger.settle(create(ReplySchema, { id, result: { case: "done", value: {} } }));
    await expect(reply).resolves.toMatchObject({ case: "done" });
    expect(seen).toEqual([0.5]);
  });

  test("progress after the reply is nobody's, and says so", async () => {
    const seen: string[] = [];
    const { id, reply } = ledger.open(1_000, (stage) => seen.push(stage));
    expect(ledger.progress(id, "uploading", 1)).toBe(true);
    ledger.settle(create(ReplySchema, { id, result: { case: "modelLoaded", value: {} } }));
    await reply;
    expect(ledger.progress(id, "refining", 0.1)).toBe(false);
    expect(ledger.progress(0xffff_ffff, "fetching", 0.1)).toBe(false);
    expect(seen).toEqual(["uploading"]);
    expect(scheduler.waiting).toBe(0);
  });

  test("leaves no promise behind when the connection ends", async () => {
    const replies = [ledger.open(1_000).reply, ledger.open(1_000).reply];
    ledger.abandon();
    for (const reply of replies) await expect(reply).rejects.toMatchObject({ code: "closed" });
    expect(scheduler.waiting).toBe(0);
  });

  test("stops waiting when a command is cancelled, and drops the reply that still comes", async () => {
    const { id, reply } = ledger.open(1_000);
    ledger.cancel(id, new RemoraError("aborted", "no longer wanted"));
    ledger.settle(create(ReplySchema, { id, result: { case: "done", value: {} } }));
    await expect(reply).rejects.toMatchObject({ code: "aborted" });
    expect(scheduler.waiting).toBe(0);
  });

  test("drops a reply that nobody waits for", () => {
    expect(() => ledger.settle(create(ReplySchema, { id: 99, result: { case: "done", value: {} } }))).not.toThrow();
  });
});
