/**
 * Shows one connection of a viewer in its element: video, size and statistics, until the connection is closed.
 *
 *   connection.track ─▶ sink ─▶ element;  element's size ─▶ connection.setViewport;  frames ─▶ statistics
 */

import type { Connection } from "../connection/connection.ts";
import type { ConnectionKind } from "../connection/connection-kind.ts";
import { FrameStatistics } from "../connection/frame-statistics.ts";
import type { Statistics } from "../generated/remora/v1/connection_pb.ts";
import { openVideoSink, type VideoSink } from "../video/video-sink.ts";
import { followSize, sizeOf } from "./sizing.ts";
import type { VideoLimits, ViewerStatistics } from "./types.ts";

/** WebRTC may switch to a better path at any time, but rarely does. */
const KIND_MILLISECONDS = 5_000;

export interface ConnectedViewOptions {
  readonly connection: Connection;
  readonly element: HTMLCanvasElement | HTMLVideoElement;
  readonly sink: VideoSink["kind"] | undefined;
  readonly limits: VideoLimits;
  readonly onAspect: (aspect: number) => void;
  readonly onPainted: (rtpTimestamp: number) => void;
}

/** A connection and the sink that shows its video. */
export class ConnectedView {
  readonly connection: Connection;
  readonly sink: VideoSink;
  readonly #frames = new FrameStatistics();
  readonly #closing = new AbortController();
  #host: Statistics | null = null;
  #kind: ConnectionKind | null = null;

  constructor(options: ConnectedViewOptions) {
    const { connection, element } = options;
    this.connection = connection;
    this.sink = openVideoSink(
      connection.track,
      {
        onPainted: options.onPainted,
        onPresented: (frame) => connection.framePresented(frame),
      },
      { element, prefer: options.sink },
    );
    connection.on("frame", (frame) => this.#frames.add(frame));
    connection.on("statistics", (statistics) => {
      this.#host = statistics;
    });
    this.#followSize(options);
    void this.#askKind();
    const timer = setInterval(() => void this.#askKind(), KIND_MILLISECONDS);
    this.#closing.signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** Returns the statistics at this time of `performance.now()`. */
  statistics(nowMilliseconds: number): ViewerStatistics {
    return {
      frames: this.#frames.snapshot(nowMilliseconds),
      roundTripMilliseconds: this.connection.roundTripMilliseconds,
      connection: this.#kind,
      host: this.#host,
    };
  }

  /** Stops showing the connection, which stays open. */
  close(): void {
    this.#closing.abort();
    this.sink.close();
  }

  #followSize({ connection, element, limits, onAspect }: ConnectedViewOptions): void {
    let asked = sizeOf(element, limits, null);
    const ask = () => {
      const size = sizeOf(element, limits, connection.welcome);
      if (size.widthPixels === asked.widthPixels && size.heightPixels === asked.heightPixels) return;
      asked = size;
      // If the host does not accept a size, the video is scaled.
      connection.setViewport(size).catch(() => {});
    };
    followSize(element, onAspect, ask, this.#closing.signal);
  }

  async #askKind(): Promise<void> {
    // A connection that has just been closed has no statistics.
    const kind = await this.connection.kind().catch(() => null);
    if (kind !== null) this.#kind = kind;
  }
}
