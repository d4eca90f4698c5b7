/**
 * Turns mouse, touch, pen, wheel and keys on the video into movements of the camera.
 *
 * One pointer turns, or pans with the right or middle button or Shift; two pointers pinch and pan; the wheel zooms to
 * the cursor. With a rig that walks, W, A, S, D, Q, E and the arrow keys walk as long as they are held. With
 * `pointerrawupdate`, movements arrive when the device reports them rather than in the next animation frame.
 */

import type { CameraRig, Motion } from "../camera/rig.ts";
import { ClickDetector } from "./click.ts";

/** A drag over the whole height of the frame turns the model by half a circle. */
const ORBIT_RADIANS_PER_HEIGHT = Math.PI;
const WHEEL_ZOOM_PER_PIXEL = 0.0015;
/** Trackpads report a pinch as a wheel with Ctrl, in small steps. */
const PINCH_WHEEL_FACTOR = 6;
const WHEEL_LINE_PIXELS = 16;
const WHEEL_PAGE_PIXELS = 400;
/** One notch of the fastest wheel; larger values are glitches of the device. */
const WHEEL_PIXELS_MAX = 600;
const KEY_ORBIT_RADIANS = Math.PI / 24;
const KEY_PAN = 0.08;
const KEY_ZOOM = 1.15;

/** Callbacks for gestures. */
export interface GestureEvents {
  /** The camera was moved by an input event of this time. */
  readonly onMoved: (inputTimeMilliseconds: number) => void;
  /** The rig may have started an animation. */
  readonly onWalk: () => void;
  /** A part was clicked: normalised coordinates in the frame. */
  readonly onSelect: (x: number, y: number) => void;
  readonly onDeselect: () => void;
  /** A part was double-clicked: normalised coordinates in the frame. */
  readonly onFocus: (x: number, y: number, inputTimeMilliseconds: number) => void;
  readonly onFit: (inputTimeMilliseconds: number) => void;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Listens on `element` until `signal` is aborted; `rig` returns the current camera. */
export function listenForGestures(
  element: HTMLElement,
  rig: () => CameraRig,
  events: GestureEvents,
  signal: AbortSignal,
): void {
  const pointers = new Map<number, Point>();
  const clicks = new ClickDetector();
  /** The codes of the walking keys that are held down. */
  const held = new Set<string>();
  let panning = false;

  /** Returns normalised coordinates: -1 to 1 over the element, y up. */
  const normalised = ({ x, y }: Point): Point => {
    const box = element.getBoundingClientRect();
    return { x: ((x - box.left) / box.width) * 2 - 1, y: 1 - ((y - box.top) / box.height) * 2 };
  };

  const onPointerDown = (event: PointerEvent) => {
    element.focus({ preventScroll: true });
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    panning = event.button === 1 || event.button === 2 || event.shiftKey;
    clicks.down(
      event.pointerId,
      { x: event.clientX, y: event.clientY },
      event.timeStamp,
      event.button === 0 && !event.shiftKey,
    );
    // The middle button would start scrolling.
    if (event.button === 1) event.preventDefault();
  };

  const onPointerMove = (event: PointerEvent) => {
    const from = pointers.get(event.pointerId);
    if (from === undefined) return;
    const to = { x: event.clientX, y: event.clientY };
    if (from.x === to.x && from.y === to.y) return;
    clicks.move(event.pointerId, to);
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    pointers.set(event.pointerId, to);
    const other = others[0];
    if (other !== undefined) pinch(other, from, to);
    else if (panning) pan(from, to);
    else turn(from, to);
    events.onMoved(event.timeStamp);
  };

  const turn = (from: Point, to: Point) => {
    const perPixel = ORBIT_RADIANS_PER_HEIGHT / element.clientHeight;
    rig().turn((to.x - from.x) * perPixel, (to.y - from.y) * perPixel);
  };

  const pan = (from: Point, to: Point) => {
    const [a, b] = [normalised(from), normalised(to)];
    rig().pan(b.x - a.x, b.y - a.y);
  };

  /** Handles the movement of one of two fingers, which changes both their midpoint and their distance. */
  const pinch = (other: Point, from: Point, to: Point) => {
    const middle = (point: Point) => ({ x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
    const distance = (point: Point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    pan(middle(from), middle(to));
    const at = normalised(middle(to));
    rig().zoom(distance(from) / distance(to), at.x, at.y);
  };

  const onPointerUp = (event: PointerEvent) => {
    const click = clicks.up(event.pointerId, { x: event.clientX, y: event.clientY }, event.timeStamp);
    if (click !== null) {
      const at = normalised(click);
      events.onSelect(at.x, at.y);
    }
    onPointerGone(event);
  };

  const onPointerGone = (event: PointerEvent) => {
    clicks.cancel(event.pointerId);
    pointers.delete(event.pointerId);
  };

  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    const at = normalised({ x: event.clientX, y: event.clientY });
    rig().zoom(wheelZoom(event), at.x, at.y);
    events.onMoved(event.timeStamp);
  };

  const onDoubleClick = (event: MouseEvent) => {
    const at = normalised({ x: event.clientX, y: event.clientY });
    events.onFocus(at.x, at.y, event.timeStamp);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const arrow = ARROWS[event.key];
    if (rig().walk !== undefined && event.code in WALK_KEYS) {
      held.add(event.code);
      walk(event.timeStamp);
    } else if (arrow !== undefined) {
      if (event.shiftKey) rig().pan(arrow.x * KEY_PAN, arrow.y * KEY_PAN);
      else rig().turn(arrow.x * KEY_ORBIT_RADIANS, -arrow.y * KEY_ORBIT_RADIANS);
      events.onMoved(event.timeStamp);
    } else if (event.key === "+" || event.key === "=") {
      rig().zoom(1 / KEY_ZOOM);
      events.onMoved(event.timeStamp);
    } else if (event.key === "-" || event.key === "_") {
      rig().zoom(KEY_ZOOM);
      events.onMoved(event.timeStamp);
    } else if (event.key === "f" || event.key === "F" || event.key === "Home") {
      events.onFit(event.timeStamp);
    } else if (event.key === "Escape") {
      events.onDeselect();
    } else {
      return;
    }
    event.preventDefault();
  };

  const walk = (now: number) => {
    const sum = (axis: keyof Motion) => [...held].reduce((total, key) => total + (WALK_KEYS[key]?.[axis] ?? 0), 0);
    const unit = (axis: keyof Motion) => Math.max(-1, Math.min(1, sum(axis)));
    rig().walk?.({ forward: unit("forward"), right: unit("right"), up: unit("up") }, now);
    events.onWalk();
  };

  const onKeyUp = (event: KeyboardEvent) => {
    if (held.delete(event.code)) walk(event.timeStamp);
  };

  const onBlur = (event: FocusEvent) => {
    held.clear();
    walk(event.timeStamp);
  };

  element.addEventListener("pointerdown", onPointerDown, { signal });
  const move = "onpointerrawupdate" in element ? "pointerrawupdate" : "pointermove";
  element.addEventListener(move, (event) => onPointerMove(event as PointerEvent), { signal });
  element.addEventListener("pointerup", onPointerUp, { signal });
  for (const gone of ["pointercancel", "lostpointercapture"] as const) {
    element.addEventListener(gone, onPointerGone, { signal });
  }
  element.addEventListener("wheel", onWheel, { signal, passive: false });
  element.addEventListener("dblclick", onDoubleClick, { signal });
  element.addEventListener("keydown", onKeyDown, { signal });
  element.addEventListener("keyup", onKeyUp, { signal });
  element.addEventListener("blur", onBlur, { signal });
  element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
}

/** Returns the factor by which a turn of the wheel changes the distance. */
export function wheelZoom(event: Pick<WheelEvent, "deltaY" | "deltaMode" | "ctrlKey">): number {
  const unit = [1, WHEEL_LINE_PIXELS, WHEEL_PAGE_PIXELS][event.deltaMode] ?? 1;
  const pixels = Math.max(-WHEEL_PIXELS_MAX, Math.min(WHEEL_PIXELS_MAX, event.deltaY * unit));
  return Math.exp(pixels * WHEEL_ZOOM_PER_PIXEL * (event.ctrlKey ? PINCH_WHEEL_FACTOR : 1));
}

/** The direction in which each arrow key moves the model. */
const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: 1 },
  ArrowDown: { x: 0, y: -1 },
};

/** Key codes rather than letters, so that the keys have the same places on every keyboard layout. */
const WALK_KEYS: Readonly<Record<string, Partial<Motion>>> = {
  KeyW: { forward: 1 },
  ArrowUp: { forward: 1 },
  KeyS: { forward: -1 },
  ArrowDown: { forward: -1 },
  KeyA: { right: -1 },
  ArrowLeft: { right: -1 },
  KeyD: { right: 1 },
  ArrowRight: { right: 1 },
  KeyE: { up: 1 },
  KeyQ: { up: -1 },
};
