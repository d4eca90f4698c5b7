/** Tells a click from a drag: one pointer that hardly moved and did not stay long. Pure; told the time by the events. */

const MOVED_PIXELS_MAX = 4;
const DOWN_MILLISECONDS_MAX = 500;

export interface PointerPoint {
  readonly x: number;
  readonly y: number;
}

interface Candidate {
  readonly pointer: number;
  readonly at: PointerPoint;
  readonly sinceMilliseconds: number;
}

export class ClickDetector {
  #candidate: Candidate | null = null;
  /** Pointers that are down; a second one makes a gesture of two, which no click comes out of. */
  readonly #down = new Set<number>();

  /** `primary`: the button that selects, without a modifier. */
  down(pointer: number, at: PointerPoint, nowMilliseconds: number, primary: boolean): void {
    this.#down.add(pointer);
    const alone = this.#down.size === 1 && primary;
    this.#candidate = alone ? { pointer, at, sinceMilliseconds: nowMilliseconds } : null;
  }

  move(pointer: number, to: PointerPoint): void {
    const candidate = this.#candidate;
    if (candidate?.pointer === pointer && distance(candidate.at, to) >= MOVED_PIXELS_MAX) this.#candidate = null;
  }

  /** Where the click was, if this ends one. */
  up(pointer: number, at: PointerPoint, nowMilliseconds: number): PointerPoint | null {
    this.move(pointer, at);
    const candidate = this.#candidate;
    this.cancel(pointer);
    if (candidate?.pointer !== pointer) return null;
    return nowMilliseconds - candidate.sinceMilliseconds < DOWN_MILLISECONDS_MAX ? candidate.at : null;
  }

  /** The browser took the pointer away. */
  cancel(pointer: number): void {
    this.#down.delete(pointer);
    if (this.#candidate?.pointer === pointer) this.#candidate = null;
  }
}

function distance(a: PointerPoint, b: PointerPoint): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
