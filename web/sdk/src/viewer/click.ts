/** Distinguishes a click from a drag: one pointer that hardly moves and is down only for a moment. Reads no clock. */

const MOVED_PIXELS_MAX = 4;
const DOWN_MILLISECONDS_MAX = 500;

/** A position in CSS pixels. */
export interface PointerPoint {
  readonly x: number;
  readonly y: number;
}

/** A press that is still a click if it ends now. */
interface Candidate {
  readonly pointer: number;
  readonly at: PointerPoint;
  readonly sinceMilliseconds: number;
}

/** Detects the clicks of all pointers on one element. */
export class ClickDetector {
  #candidate: Candidate | null = null;
  /** The pointers that are down. A gesture of two pointers is never a click. */
  readonly #down = new Set<number>();

  /** A pointer was pressed. `primary` is true for the button that selects, without a modifier. */
  down(pointer: number, at: PointerPoint, nowMilliseconds: number, primary: boolean): void {
    this.#down.add(pointer);
    const alone = this.#down.size === 1 && primary;
    this.#candidate = alone ? { pointer, at, sinceMilliseconds: nowMilliseconds } : null;
  }

  /** A pointer moved. */
  move(pointer: number, to: PointerPoint): void {
    const candidate = this.#candidate;
    if (candidate?.pointer === pointer && distance(candidate.at, to) >= MOVED_PIXELS_MAX) this.#candidate = null;
  }

  /** A pointer was released; returns the position of the click, or null if this is none. */
  up(pointer: number, at: PointerPoint, nowMilliseconds: number): PointerPoint | null {
    this.move(pointer, at);
    const candidate = this.#candidate;
    this.cancel(pointer);
    if (candidate?.pointer !== pointer) return null;
    return nowMilliseconds - candidate.sinceMilliseconds < DOWN_MILLISECONDS_MAX ? candidate.at : null;
  }

  /** The browser cancelled the pointer. */
  cancel(pointer: number): void {
    this.#down.delete(pointer);
    if (this.#candidate?.pointer === pointer) this.#candidate = null;
  }
}

function distance(a: PointerPoint, b: PointerPoint): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
