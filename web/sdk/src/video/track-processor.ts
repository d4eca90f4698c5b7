/** Reads the decoded frames of a track with `MediaStreamTrackProcessor`, which the DOM types do not contain yet. */

interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame>;
}

type TrackProcessorConstructor = new (init: { track: MediaStreamTrack; maxBufferSize?: number }) => TrackProcessor;

/** Returns true if the browser has a `MediaStreamTrackProcessor` on this thread. */
export function hasTrackProcessor(): boolean {
  return trackProcessor() !== undefined;
}

function trackProcessor(): TrackProcessorConstructor | undefined {
  return (globalThis as { MediaStreamTrackProcessor?: TrackProcessorConstructor }).MediaStreamTrackProcessor;
}

/** Returns the decoded frames of a track, or null if the browser has no `MediaStreamTrackProcessor` on this thread. */
export function framesOf(track: MediaStreamTrack): ReadableStream<VideoFrame> | null {
  const Processor = trackProcessor();
  if (Processor === undefined) return null;
  // Only the newest frame matters if several wait.
  return new Processor({ track, maxBufferSize: 1 }).readable;
}

/** Returns the RTP timestamp of a frame, or null if the browser does not report it. */
export function rtpTimestampOf(frame: VideoFrame): number | null {
  const metadata = (frame as { metadata?: () => { rtpTimestamp?: number } }).metadata?.();
  return metadata?.rtpTimestamp ?? null;
}
