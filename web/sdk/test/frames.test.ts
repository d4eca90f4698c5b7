import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { FrameMatcher, type PresentedFrame } from "../src/connection/frame-matcher.ts";
import { FrameStatistics, quantile } from "../src/connection/frame-statistics.ts";
import { FrameInfoSchema } from "../src/generated/remora/v1/connection_pb.ts";

function info(rtpTimestamp: number, poseId = 1, inputTimeMilliseconds = 0) {
  return create(FrameInfoSchema, { rtpTimestamp, poseId, inputTimeMilliseconds, encodedBytes: 1_000 });
}

function presentedFrame(rtpTimestamp: number, presentedMilliseconds = 0): PresentedFrame {
  return { rtpTimestamp, decodedMilliseconds: 0, presentedMilliseconds, widthPixels: 2, heightPixels: 2 };
}

describe("FrameMatcher", () => {
  test("matches halves by RTP timestamp, in either order, and only once", () => {
    const matcher = new FrameMatcher();
    expect(matcher.described(info(7, 3))).toBeNull();
    expect(matcher.presented(presentedFrame(8))).toBeNull();
    expect(matcher.presented(presentedFrame(7))?.info.poseId).toBe(3);
    expect(matcher.described(info(8, 4))?.presented.rtpTimestamp).toBe(8);
    expect(matcher.presented(presentedFrame(7))).toBeNull();
  });

  test("drops the oldest unmatched halves", () => {
    const matcher = new FrameMatcher();
    for (let key = 0; key < 1_000; key += 1) matcher.described(info(key));
    expect(matcher.presented(presentedFrame(0))).toBeNull();
    expect(matcher.presented(presentedFrame(999))).not.toBeNull();
  });
});

describe("FrameStatistics", () => {
  test("counts only the frames and bits of the last second", () => {
    const statistics = new FrameStatistics();
    for (const presented of [100, 1_200, 1_300, 1_400]) {
      statistics.add({ info: info(presented, presented), presented: presentedFrame(presented, presented) });
    }
    const { framesPerSecond, bitsPerSecond } = statistics.snapshot(1_500);
    expect(framesPerSecond).toBe(3);
    expect(bitsPerSecond).toBe(24_000);
    expect(statistics.snapshot(9_000).framesPerSecond).toBe(0);
  });

  test("measures the delay to the first frame of each pose, and ignores refined frames of the same pose", () => {
    const statistics = new FrameStatistics();
    statistics.add({ info: info(1, 1, 100), presented: presentedFrame(1, 150) });
    statistics.add({ info: info(2, 2, 200), presented: presentedFrame(2, 260) });
    statistics.add({ info: info(3, 2, 200), presented: presentedFrame(3, 900) });
    statistics.add({ info: info(4, 3, 300), presented: presentedFrame(4, 400) });
    expect(statistics.snapshot(950).inputToFrameMilliseconds).toBe(60);
  });

  test("reports no delay without input", () => {
    expect(new FrameStatistics().snapshot(0)).toMatchObject({ framesPerSecond: 0, inputToFrameMilliseconds: null });
  });
});

test("quantile returns the nearest rank", () => {
  expect(quantile([], 0.5)).toBeNull();
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2);
  expect(quantile([...Array(100).keys()], 0.95)).toBe(94);
  expect(quantile([5, 6], 1)).toBe(6);
});
