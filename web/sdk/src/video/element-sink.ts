/** Shows the track in a `<video>`, for browsers without access to decoded frames. */

import type { SinkEvents, VideoSink } from "./video-sink.ts";

/** A sink that shows the track in a video element. */
export class ElementSink implements VideoSink {
  readonly kind = "video";
  readonly element: HTMLVideoElement;
  readonly #events: SinkEvents;
  #request = 0;

  constructor(element: HTMLVideoElement, track: MediaStreamTrack, events: SinkEvents) {
    this.#events = events;
    this.element = element;
    play(element, track);
    this.#listen();
  }

  close(): void {
    this.element.cancelVideoFrameCallback(this.#request);
    this.element.srcObject = null;
  }

  #listen(): void {
    this.#request = this.element.requestVideoFrameCallback((now, frame) => {
      this.#listen();
      const { rtpTimestamp } = frame;
      if (rtpTimestamp === undefined) return;
      this.#events.onPainted?.(rtpTimestamp);
      this.#events.onPresented({
        rtpTimestamp,
        decodedMilliseconds: now,
        presentedMilliseconds: frame.expectedDisplayTime,
        widthPixels: frame.width,
        heightPixels: frame.height,
      });
    });
  }
}

/** Plays a track in an element, without sound or controls. */
export function play(element: HTMLVideoElement, track: MediaStreamTrack): void {
  element.muted = true;
  element.playsInline = true;
  element.disablePictureInPicture = true;
  element.srcObject = new MediaStream([track]);
  // Browsers always allow muted video to start; a rejection means that the sink was closed meanwhile.
  element.play().catch(() => {});
}
