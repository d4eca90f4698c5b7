/**
 * The marker that a host paints into the top left corner for measurements: 34 squares of 8 by 8 pixels in one row,
 * a white one, a black one, then the 32 bits of a pose id, the most significant first, white for 1.
 */

const SQUARE_PIXELS = 8;
const BITS = 32;
const SQUARES = BITS + 2;
/** Video moves grey values a little; half way is far enough from both ends. */
const THRESHOLD = 128;
/** White and black differ by this much at least, or there is no marker. */
const CONTRAST_MIN = 96;

/** The width of the marker, which begins in the top left corner of the frame. */
export const LATENCY_MARKER_WIDTH_PIXELS = SQUARES * SQUARE_PIXELS;
/** The height of the marker. */
export const LATENCY_MARKER_HEIGHT_PIXELS = SQUARE_PIXELS;

/** Returns the pose id in the RGBA pixels of the marker's area, first row on top; null if there is no marker. */
export function readLatencyMarker(rgba: Uint8ClampedArray): number | null {
  const square = (index: number): number => {
    const x = index * SQUARE_PIXELS + SQUARE_PIXELS / 2;
    const row = SQUARE_PIXELS / 2;
    return rgba[(row * LATENCY_MARKER_WIDTH_PIXELS + x) * 4 + 1] ?? 0;
  };
  if (square(0) - square(1) < CONTRAST_MIN) return null;
  let id = 0;
  for (let bit = 0; bit < BITS; bit += 1) id = id * 2 + (square(bit + 2) >= THRESHOLD ? 1 : 0);
  return id;
}
