import { beforeEach, describe, expect, test } from "vitest";
import type { CameraPose } from "../src/camera/rig.ts";
import { COALESCE_MILLISECONDS, type NumberedPose, PoseSender } from "../src/connection/pose-sender.ts";
import { ManualScheduler } from "./manual-scheduler.ts";

function at(x: number): CameraPose {
  return {
    position: { x, y: 0, z: 0 },
    orientation: { x: 0, y: 0, z: 0, w: 1 },
    verticalFieldOfView: 1,
    nearPlaneMetres: 0.1,
  };
}

describe("PoseSender", () => {
  let scheduler: ManualScheduler;
  let sent: { id: number; x: number; input: number; at: number }[];
  let sender: PoseSender;

  beforeEach(() => {
    scheduler = new ManualScheduler();
    sent = [];
    sender = new PoseSender(({ id, camera, inputTimeMilliseconds }: NumberedPose) => {
      sent.push({ id, x: camera.position.x, input: inputTimeMilliseconds, at: scheduler.now() });
    }, scheduler);
  });

  test("sends the first pose immediately", () => {
    sender.offer(at(1), -3);
    expect(sent).toEqual([{ id: 1, x: 1, input: -3, at: 0 }]);
  });

  test("sends the newest of several poses in quick succession, with the time of the oldest", () => {
    sender.offer(at(1), 0);
    scheduler.advance(1);
    sender.offer(at(2), 0.5);
    scheduler.advance(1);
    sender.offer(at(3), 1.5);
    expect(sent).toHaveLength(1);
    scheduler.advance(COALESCE_MILLISECONDS - 2);
    expect(sent[1]).toEqual({ id: 2, x: 3, input: 0.5, at: COALESCE_MILLISECONDS });
  });

  test("does not delay poses that arrive more slowly", () => {
    for (const x of [1, 2, 3]) {
      sender.offer(at(x), scheduler.now());
      scheduler.advance(COALESCE_MILLISECONDS);
    }
    expect(sent.map((pose) => pose.at)).toEqual([0, 4, 8]);
  });

  test("repeats the newest pose, under the same id, until a frame shows it", () => {
    sender.offer(at(1), 0);
    scheduler.advance(150);
    expect(sent.map((pose) => pose.id)).toEqual([1, 1]);
    sender.shown(1);
    scheduler.advance(60_000);
    expect(sent).toHaveLength(2);
    expect(scheduler.waiting).toBe(0);
  });

  test("stops after a bounded number of repetitions", () => {
    sender.offer(at(1), 0);
    scheduler.advance(600_000);
    expect(sent).toHaveLength(6);
    expect(scheduler.waiting).toBe(0);
  });

  test("does not repeat a pose after a newer one was sent", () => {
    sender.offer(at(1), 0);
    scheduler.advance(100);
    sender.offer(at(2), 100);
    scheduler.advance(600_000);
    expect(sent.map((pose) => pose.id)).toEqual([1, 2, 2, 2, 2, 2, 2]);
  });

  test("sends nothing after it is closed", () => {
    sender.offer(at(1), 0);
    scheduler.advance(1);
    sender.offer(at(2), 1);
    sender.close();
    scheduler.advance(600_000);
    expect(sent).toHaveLength(1);
  });
});
