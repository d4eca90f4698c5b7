/** Computes statistics of the last second from the frames that were shown. Reads no clock. */

import type { ShownFrame } from "./frame-matcher.ts";

const WINDOW_MILLISECONDS = 1_000;
/** Bounds the memory if a clock jumps. */
const FRAMES_MAX = 512;

/** The result of {@link FrameStatistics.snapshot}. */
export interface FrameStatisticsSnapshot {
  readonly framesPerSecond: number;
  /** Median delay from an input event to the first presented frame that shows it; null without input. */
  readonly inputToFrameMilliseconds: number | null;
  readonly bitsPerSecond: number;
  /** The most recent frame. */
  readonly latest: ShownFrame | null;
}

interface Entry {
  readonly presentedMilliseconds: number;
  readonly encodedBits: number;
  /** Null if an earlier frame showed the same pose. */
  readonly delayMilliseconds: number | null;
}

/** Statistics of the frames that were shown in the last second. */
export class FrameStatistics {
  readonly #entries: Entry[] = [];
  #latest: ShownFrame | null = null;
  #newestPoseId = 0;

  /** Counts a frame. */
  add(frame: ShownFrame): void {
    const { info, presented } = frame;
    const isFirst = info.poseId > this.#newestPoseId;
    this.#newestPoseId = Math.max(this.#newestPoseId, info.poseId);
    this.#latest = frame;
    this.#entries.push({
      presentedMilliseconds: presented.presentedMilliseconds,
      encodedBits: info.encodedBytes * 8,
      delayMilliseconds: isFirst ? presented.presentedMilliseconds - info.inputTimeMilliseconds : null,
    });
    if (this.#entries.length > FRAMES_MAX) this.#entries.shift();
  }

  /** Returns the statistics at this time of `performance.now()`. */
  snapshot(nowMilliseconds: number): FrameStatisticsSnapshot {
    const since = nowMilliseconds - WINDOW_MILLISECONDS;
    while (this.#entries[0] !== undefined && this.#entries[0].presentedMilliseconds <= since) this.#entries.shift();
    const delays = this.#entries.map((entry) => entry.delayMilliseconds).filter((delay) => delay !== null);
    return {
      framesPerSecond: (this.#entries.length * 1_000) / WINDOW_MILLISECONDS,
      inputToFrameMilliseconds: quantile(delays, 0.5),
      bitsPerSecond: (this.#entries.reduce((sum, entry) => sum + entry.encodedBits, 0) * 1_000) / WINDOW_MILLISECONDS,
      latest: this.#latest,
    };
  }
}

/** Returns the nearest-rank quantile, or null if there are no values. */
export function quantile(values: readonly number[], q: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? null;
}
