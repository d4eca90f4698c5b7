/** Copies the frames of a hidden `<video>` to a canvas, for browsers without access to decoded frames. */

import { play } from "./element-sink.ts";
import type { Painter } from "./painter.ts";
import type { SinkEvents, VideoSink } from "./video-sink.ts";

/** A sink that copies frames from a hidden video element. */
export class CopySink implements VideoSink {
  readonly element: HTMLCanvasElement;
  readonly #painter: Painter;
  readonly #video = document.createElement("video");
  readonly #events: SinkEvents;
  #request = 0;

  constructor(canvas: HTMLCanvasElement, painter: Painter, track: MediaStreamTrack, events: SinkEvents) {
    this.element = canvas;
    this.#painter = painter;
    this.#events = events;
    play(this.#video, track);
    this.#listen();
  }

  get kind(): Painter["kind"] {
    return this.#painter.kind;
  }

  close(): void {
    this.#video.cancelVideoFrameCallback(this.#request);
    this.#video.srcObject = null;
    this.#painter.close();
  }

  #listen(): void {
    this.#request = this.#video.requestVideoFrameCallback((now, frame) => {
      this.#listen();
      if (!this.#painter.paint(this.#video)) return;
      const { rtpTimestamp, width: widthPixels, height: heightPixels } = frame;
      if (rtpTimestamp === undefined) return;
      this.#events.onPainted?.(rtpTimestamp);
      const presentedMilliseconds = frame.expectedDisplayTime;
      this.#events.onPresented({
        rtpTimestamp,
        decodedMilliseconds: now,
        presentedMilliseconds,
        widthPixels,
        heightPixels,
      });
    });
  }
}
