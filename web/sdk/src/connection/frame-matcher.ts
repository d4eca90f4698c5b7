/**
 * Matches the host's description of a frame with its presentation in the browser. The key is the RTP timestamp. Either
 * half may arrive first, or never, so both wait in bounded maps.
 */

import type { FrameInfo } from "../generated/remora/v1/connection_pb.ts";

/** Half a second of frames at 120 Hz; older halves are dropped. */
const WAITING_MAX = 64;

/** A frame that reached the screen; times in milliseconds of `performance.now()`. */
export interface PresentedFrame {
  readonly rtpTimestamp: number;
  /** The time at which the page received the decoded frame. */
  readonly decodedMilliseconds: number;
  readonly presentedMilliseconds: number;
  readonly widthPixels: number;
  readonly heightPixels: number;
}

/** A frame on the screen, with the description that the host sent. */
export interface ShownFrame {
  readonly info: FrameInfo;
  readonly presented: PresentedFrame;
}

/** Holds the halves of frames that are not matched yet. */
export class FrameMatcher {
  readonly #infos = new Map<number, FrameInfo>();
  readonly #presented = new Map<number, PresentedFrame>();

  /** Takes a description; returns the frame if it was presented already. */
  described(info: FrameInfo): ShownFrame | null {
    const presented = this.#presented.get(info.rtpTimestamp);
    if (presented !== undefined) {
      this.#presented.delete(info.rtpTimestamp);
      return { info, presented };
    }
    keep(this.#infos, info.rtpTimestamp, info);
    return null;
  }

  /** Takes a presentation; returns the frame if its description arrived already. */
  presented(presented: PresentedFrame): ShownFrame | null {
    const info = this.#infos.get(presented.rtpTimestamp);
    if (info !== undefined) {
      this.#infos.delete(presented.rtpTimestamp);
      return { info, presented };
    }
    keep(this.#presented, presented.rtpTimestamp, presented);
    return null;
  }
}

/** Adds an entry and drops the oldest one of a full map. Maps iterate in the order of insertion. */
function keep<Value>(map: Map<number, Value>, key: number, value: Value): void {
  map.set(key, value);
  if (map.size <= WAITING_MAX) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
