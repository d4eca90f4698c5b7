/**
 * Shows a video track and reports every picture that reaches the screen.
 *
 *   track ─MediaStreamTrackProcessor─▶ VideoFrame ─▶ painter (WebGL, or 2-D canvas) ─▶ <canvas>
 *        └─(browsers without it)─────▶ <video>, requestVideoFrameCallback
 *
 * Frames are painted as they arrive, not at the next display frame: the browser shows the canvas with its next picture
 * either way, and waiting could only miss it.
 */

import type { PresentedPicture } from "../connection/frame-ledger.ts";
import { CanvasSink } from "./canvas-sink.ts";
import { ElementSink } from "./element-sink.ts";
import { flatPainter, type Painter, webglPainter } from "./painter.ts";
import { framesOf } from "./track-processor.ts";

export interface SinkEvents {
  /** Pixels are in the element, and in a canvas can be read until the current task ends. */
  readonly onPainted?: (rtpTimestamp: number) => void;
  readonly onPresented: (picture: PresentedPicture) => void;
}

export interface VideoSink {
  /** How pictures are shown, for the curious and for benchmarks. */
  readonly kind: "webgl" | "canvas" | "video";
  readonly element: HTMLCanvasElement | HTMLVideoElement;
  close(): void;
}

/** Picks the way with the least delay that this browser has; `prefer` is for measurements. */
export function openVideoSink(track: MediaStreamTrack, events: SinkEvents, prefer?: VideoSink["kind"]): VideoSink {
  const frames = prefer === "video" ? null : framesOf(track);
  if (frames === null) return new ElementSink(track, events);
  const canvas = document.createElement("canvas");
  const painter = prefer === "canvas" ? null : webglPainter(canvas, { evenInSoftware: prefer === "webgl" });
  return new CanvasSink(canvas, painter ?? requireFlat(canvas), frames, events);
}

function requireFlat(canvas: HTMLCanvasElement): Painter {
  const painter = flatPainter(canvas);
  if (painter === null) throw new Error("This browser offers no drawing context for a canvas.");
  return painter;
}
