/** MediaStreamTrackProcessor, which the DOM types do not have yet: decoded frames of a track as a stream. */

interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame>;
}

type TrackProcessorConstructor = new (init: { track: MediaStreamTrack; maxBufferSize?: number }) => TrackProcessor;

/** Whether the browser has a MediaStreamTrackProcessor on this thread. */
export function hasTrackProcessor(): boolean {
  return trackProcessor() !== undefined;
}

function trackProcessor(): TrackProcessorConstructor | undefined {
  return (globalThis as { MediaStreamTrackProcessor?: TrackProcessorConstructor }).MediaStreamTrackProcessor;
}

/** Null where the browser has no MediaStreamTrackProcessor on this thread. */
export function framesOf(track: MediaStreamTrack): ReadableStream<VideoFrame> | null {
  const constructor = trackProcessor();
  if (constructor === undefined) return null;
  // Of two frames that wait, only the newer one is of interest.
  return new constructor({ track, maxBufferSize: 1 }).readable;
}

/** The key of a frame, where the browser tells. */
export function rtpTimestampOf(frame: VideoFrame): number | null {
  const metadata = (frame as { metadata?: () => { rtpTimestamp?: number } }).metadata?.();
  return metadata?.rtpTimestamp ?? null;
}
