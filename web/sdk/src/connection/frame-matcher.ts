/**
 * Brings together what the host says about a frame and the picture that was presented. The key is the RTP timestamp;
 * either half may come first or never, so both wait in a bounded ledger.
 */

import type { FrameInfo } from "../generated/remora/v1/connection_pb.ts";

/** Half a second of pictures at 120 Hz; what is older will not be matched any more. */
const WAITING_MAX = 64;

/** A picture that reached the screen; times in milliseconds of `performance.now()`. */
export interface PresentedPicture {
  readonly rtpTimestamp: number;
  /** Decoded and in the hands of the page. */
  readonly decodedMilliseconds: number;
  readonly presentedMilliseconds: number;
  readonly widthPixels: number;
  readonly heightPixels: number;
}

/** A frame on the screen, and what the host tells about it. */
export interface ShownFrame {
  readonly info: FrameInfo;
  readonly picture: PresentedPicture;
}

export class FrameLedger {
  readonly #infos = new Map<number, FrameInfo>();
  readonly #pictures = new Map<number, PresentedPicture>();

  described(info: FrameInfo): ShownFrame | null {
    const picture = this.#pictures.get(info.rtpTimestamp);
    if (picture !== undefined) {
      this.#pictures.delete(info.rtpTimestamp);
      return { info, picture };
    }
    keep(this.#infos, info.rtpTimestamp, info);
    return null;
  }

  presented(picture: PresentedPicture): ShownFrame | null {
    const info = this.#infos.get(picture.rtpTimestamp);
    if (info !== undefined) {
      this.#infos.delete(picture.rtpTimestamp);
      return { info, picture };
    }
    keep(this.#pictures, picture.rtpTimestamp, picture);
    return null;
  }
}

/** Maps iterate in the order of insertion: the first key is the oldest. */
function keep<Value>(map: Map<number, Value>, key: number, value: Value): void {
  map.set(key, value);
  if (map.size <= WAITING_MAX) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
