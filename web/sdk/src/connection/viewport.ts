/** Computes the size of the video to ask for. */

/** The size of a video. */
export interface Size {
  readonly widthPixels: number;
  readonly heightPixels: number;
}

/** Bounds of a {@link Size}. */
export interface ViewportLimits {
  readonly widthPixelsMax: number;
  readonly heightPixelsMax: number;
  /** Bounds the work of hosts that render on a CPU and of clients that decode on one. */
  readonly areaPixelsMax: number;
}

/** The smallest side that a host accepts. */
const SIDE_PIXELS_MIN = 64;

/**
 * Returns the physical size of an element of `cssWidth` by `cssHeight`. A size beyond the limits is reduced in proportion.
 * Both sides are even, as video encoders require.
 */
export function viewportFor(cssWidth: number, cssHeight: number, pixelRatio: number, limits: ViewportLimits): Size {
  const width = Math.max(1, cssWidth * pixelRatio);
  const height = Math.max(1, cssHeight * pixelRatio);
  const factor = Math.min(
    1,
    limits.widthPixelsMax / width,
    limits.heightPixelsMax / height,
    Math.sqrt(limits.areaPixelsMax / (width * height)),
  );
  return { widthPixels: even(width * factor), heightPixels: even(height * factor) };
}

function even(pixels: number): number {
  // Rounding errors turn 1280 into 1279.9999, which must not become 1278.
  return Math.max(SIDE_PIXELS_MIN, Math.floor((pixels + 1e-6) / 2) * 2);
}
