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
  /** A bound on the work: a host that draws on a CPU, or a client that decodes on one. */
  readonly areaPixelsMax: number;
}

/** The least that a host accepts. */
const SIDE_PIXELS_MIN = 64;

/**
 * Returns the physical size of an element of `cssWidth` by `cssHeight`, made smaller in its own proportions until it is within
 * the limits; both sides even, as video wants them.
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
  // A little more than the exact value, because 1280 may have become 1279.9999 on the way.
  return Math.max(SIDE_PIXELS_MIN, Math.floor((pixels + 1e-6) / 2) * 2);
}
