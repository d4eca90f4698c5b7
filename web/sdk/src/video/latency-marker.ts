/**
 * Reads the marker that a host paints into the top left corner of a frame for measurements. The marker is a row of 34
 * squares of 8 by 8 pixels: a white one, a black one, and the 32 bits of a pose id, most significant bit first, white for 1.
 */

const SQUARE_PIXELS = 8;
const BITS = 32;
const SQUARES = BITS + 2;
/** Halfway between black and white: video coding changes grey values only a little. */
const THRESHOLD = 128;
/** The least difference between white and black in a marker. */
const CONTRAST_MIN = 96;

/** The width of the latency marker, which starts in the top left corner of the frame. */
export const LATENCY_MARKER_WIDTH_PIXELS = SQUARES * SQUARE_PIXELS;
/** The height of the latency marker. */
export const LATENCY_MARKER_HEIGHT_PIXELS = SQUARE_PIXELS;

/** Returns the pose id in the RGBA pixels of the marker's area, top row first, or null if there is no marker. */
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
