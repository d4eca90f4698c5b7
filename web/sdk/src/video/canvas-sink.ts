/** Paints decoded frames onto a canvas as they arrive. */

import type { Painter } from "./painter.ts";
import { rtpTimestampOf } from "./track-processor.ts";
import type { SinkEvents, VideoSink } from "./video-sink.ts";

/** A sink that reads decoded frames from a stream. */
export class CanvasSink implements VideoSink {
  readonly element: HTMLCanvasElement;
  readonly #painter: Painter;
  readonly #reader: ReadableStreamDefaultReader<VideoFrame>;
  readonly #events: SinkEvents;
  /** The latest frame, to repaint a restored context: the host does not send a still frame again. */
  #shown: VideoFrame | null = null;
  readonly #closing = new AbortController();

  constructor(canvas: HTMLCanvasElement, painter: Painter, frames: ReadableStream<VideoFrame>, events: SinkEvents) {
    this.element = canvas;
    this.#painter = painter;
    this.#reader = frames.getReader();
    this.#events = events;
    for (const restored of ["webglcontextrestored", "contextrestored"]) {
      canvas.addEventListener(restored, () => this.#repaint(), { signal: this.#closing.signal });
    }
    void this.#run();
  }

  get kind(): Painter["kind"] {
    return this.#painter.kind;
  }

  close(): void {
    this.#closing.abort();
    this.#shown?.close();
    this.#shown = null;
    // A track that has ended has cancelled its stream already.
    this.#reader.cancel().catch(() => {});
    this.#painter.close();
  }

  async #run(): Promise<void> {
    for (;;) {
      const { done, value: frame } = await this.#reader.read();
      if (done) return;
      if (this.#closing.signal.aborted) {
        frame.close();
        return;
      }
      this.#show(frame);
    }
  }

  #show(frame: VideoFrame): void {
    const decodedMilliseconds = performance.now();
    this.#shown?.close();
    this.#shown = frame;
    if (!this.#painter.paint(frame)) return;
    const rtpTimestamp = rtpTimestampOf(frame);
    if (rtpTimestamp === null) return;
    const { displayWidth: widthPixels, displayHeight: heightPixels } = frame;
    this.#events.onPainted?.(rtpTimestamp);
    requestAnimationFrame(() => {
      const presentedMilliseconds = performance.now();
      if (this.#closing.signal.aborted) return;
      this.#events.onPresented({ rtpTimestamp, decodedMilliseconds, presentedMilliseconds, widthPixels, heightPixels });
    });
  }

  #repaint(): void {
    if (this.#shown !== null) this.#painter.paint(this.#shown);
  }
}
