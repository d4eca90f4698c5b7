/**
 * Shows a video track and reports every frame that reaches the screen.
 *
 *   track ─MediaStreamTrackProcessor─▶ VideoFrame ─▶ painter (WebGL, or 2-D canvas) ─▶ <canvas>
 *        └─(browsers without it)─────▶ <video>, requestVideoFrameCallback (─▶ painter ─▶ <canvas>)
 *
 * Frames are painted as they arrive rather than in the next animation frame. The browser shows the canvas at its next
 * refresh either way, and waiting could only miss it.
 */

import type { PresentedFrame } from "../connection/frame-matcher.ts";
import { RemoraError } from "../errors.ts";
import { CanvasSink } from "./canvas-sink.ts";
import { CopySink } from "./copy-sink.ts";
import { ElementSink } from "./element-sink.ts";
import { flatPainter, type Painter, webglPainter } from "./painter.ts";
import { framesOf, hasTrackProcessor } from "./track-processor.ts";

/** The events of a {@link VideoSink}. */
export interface SinkEvents {
  /** A frame was painted. Its pixels in a canvas can be read until the current task ends. */
  readonly onPainted?: (rtpTimestamp: number) => void;
  /** A frame has reached the screen. */
  readonly onPresented: (frame: PresentedFrame) => void;
}

/** An element that shows the video of a connection. */
export interface VideoSink {
  /** The way in which frames are shown. */
  readonly kind: "webgl" | "canvas" | "video";
  readonly element: HTMLCanvasElement | HTMLVideoElement;
  /** Stops showing the track; the last frame stays in a canvas. */
  close(): void;
}

/** Options of {@link openVideoSink}. */
export interface SinkOptions {
  /** The element to show frames in; a new one if absent. */
  readonly element?: HTMLCanvasElement | HTMLVideoElement | undefined;
  /** The way to show frames, for measurements; the one with the least delay if absent. */
  readonly prefer?: VideoSink["kind"] | undefined;
}

/** Shows a track. A canvas that already has a drawing context keeps it. */
export function openVideoSink(track: MediaStreamTrack, events: SinkEvents, options: SinkOptions = {}): VideoSink {
  const { prefer, element = sinkElement(prefer) } = options;
  if (element instanceof HTMLVideoElement) return new ElementSink(element, track, events);
  const painter = prefer === "canvas" ? null : webglPainter(element, { evenInSoftware: prefer === "webgl" });
  const frames = framesOf(track);
  const chosen = painter ?? requireFlat(element);
  return frames === null
    ? new CopySink(element, chosen, track, events)
    : new CanvasSink(element, chosen, frames, events);
}

/** Creates the element that suits this browser: a video if decoded frames are not available. */
export function sinkElement(prefer?: VideoSink["kind"]): HTMLCanvasElement | HTMLVideoElement {
  const video = prefer === "video" || (prefer === undefined && !hasTrackProcessor());
  return document.createElement(video ? "video" : "canvas");
}

function requireFlat(canvas: HTMLCanvasElement): Painter {
  const painter = flatPainter(canvas);
  if (painter === null) {
    throw new RemoraError("unsupported-browser", "This browser offers no drawing context for the canvas.");
  }
  return painter;
}
