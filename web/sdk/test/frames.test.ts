import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { FrameLedger, type PresentedPicture } from "../src/connection/frame-matcher.ts";
import { FrameStatistics, quantile } from "../src/connection/frame-statistics.ts";
import { FrameInfoSchema } from "../src/generated/remora/v1/connection_pb.ts";

function info(rtpTimestamp: number, poseId = 1, inputTimeMilliseconds = 0) {
  return create(FrameInfoSchema, { rtpTimestamp, poseId, inputTimeMilliseconds, encodedBytes: 1_000 });
}

function picture(rtpTimestamp: number, presentedMilliseconds = 0): PresentedPicture {
  return { rtpTimestamp, decodedMilliseconds: 0, presentedMilliseconds, widthPixels: 2, heightPixels: 2 };
}

describe("FrameLedger", () => {
  test("matches by RTP timestamp, whichever half comes first, and only once", () => {
    const ledger = new FrameLedger();
    expect(ledger.described(info(7, 3))).toBeNull();
    expect(ledger.presented(picture(8))).toBeNull();
    expect(ledger.presented(picture(7))?.info.poseId).toBe(3);
    expect(ledger.described(info(8, 4))?.picture.rtpTimestamp).toBe(8);
    expect(ledger.presented(picture(7))).toBeNull();
  });

  test("forgets the oldest halves that are never matched", () => {
    const ledger = new FrameLedger();
    for (let key = 0; key < 1_000; key += 1) ledger.described(info(key));
    expect(ledger.presented(picture(0))).toBeNull();
    expect(ledger.presented(picture(999))).not.toBeNull();
  });
});

describe("FrameStatistics", () => {
  test("counts the pictures and bits of the last second only", () => {
    const statistics = new FrameStatistics();
    for (const presented of [100, 1_200, 1_300, 1_400]) {
      statistics.add({ info: info(presented, presented), picture: picture(presented, presented) });
    }
    const { framesPerSecond, bitsPerSecond } = statistics.snapshot(1_500);
    expect(framesPerSecond).toBe(3);
    expect(bitsPerSecond).toBe(24_000);
    expect(statistics.snapshot(9_000).framesPerSecond).toBe(0);
  });

  test("measures the delay to the first picture of each pose; a refined one of the same pose is none", () => {
    const statistics = new FrameStatistics();
    statistics.add({ info: info(1, 1, 100), picture: picture(1, 150) });
    statistics.add({ info: info(2, 2, 200), picture: picture(2, 260) });
    statistics.add({ info: info(3, 2, 200), picture: picture(3, 900) });
    statistics.add({ info: info(4, 3, 300), picture: picture(4, 400) });
    expect(statistics.snapshot(950).inputToPictureMilliseconds).toBe(60);
  });

  test("has no delay without input", () => {
    expect(new FrameStatistics().snapshot(0)).toMatchObject({ framesPerSecond: 0, inputToPictureMilliseconds: null });
  });
});

test("quantile takes the nearest rank", () => {
  expect(quantile([], 0.5)).toBeNull();
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2);
  expect(quantile([...Array(100).keys()], 0.95)).toBe(94);
  expect(quantile([5, 6], 1)).toBe(6);
});
