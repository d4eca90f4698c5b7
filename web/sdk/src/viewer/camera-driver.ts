/** Drives a camera rig: sends its poses, and advances its animations with the display. */

import { OrbitCamera } from "../camera/orbit-camera.ts";
import type { CameraPose, CameraRig } from "../camera/rig.ts";
import type { Bounds } from "../camera/vector.ts";
import { WalkCamera } from "../camera/walk-camera.ts";
import type { CameraKind } from "./types.ts";

const FLIGHT_MILLISECONDS = 320;

/** Drives the camera of one viewer. */
export class CameraDriver {
  readonly #send: (pose: CameraPose, inputTimeMilliseconds: number) => void;
  #rig: CameraRig;
  #aspect: number | null = null;
  #running = false;
  #stopped = false;

  constructor(rig: CameraRig, send: (pose: CameraPose, inputTimeMilliseconds: number) => void) {
    this.#rig = rig;
    this.#send = send;
  }

  get rig(): CameraRig {
    return this.#rig;
  }

  /** Replaces the rig; the new one starts with the pose of the old one. */
  replace(rig: CameraRig, bounds: Bounds | null): void {
    const pose = this.#rig.pose();
    this.#rig = rig;
    if (this.#aspect !== null) rig.setAspect(this.#aspect);
    if (bounds !== null) rig.fit(bounds, performance.now());
    rig.adopt(pose);
    this.moved(performance.now());
  }

  /** Sets width divided by height of the frame. */
  setAspect(aspect: number): void {
    this.#aspect = aspect;
    this.#rig.setAspect(aspect);
  }

  /** Sends the current pose. */
  moved(inputTimeMilliseconds: number): void {
    this.#send(this.#rig.pose(), inputTimeMilliseconds);
  }

  /** Shows the whole of a new model, without animation. */
  show(bounds: Bounds): void {
    this.#rig.fit(bounds, performance.now());
    this.moved(performance.now());
  }

  /** Flies to where `bounds` fill the frame. */
  flyTo(bounds: Bounds, inputTimeMilliseconds: number): void {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#rig.focus(bounds, performance.now(), still ? 0 : FLIGHT_MILLISECONDS);
    this.moved(inputTimeMilliseconds);
    this.run();
  }

  /** Advances the rig in every animation frame until it rests. */
  run(): void {
    if (this.#running || this.#stopped || !this.#rig.animating) return;
    this.#running = true;
    requestAnimationFrame((now) => this.#advance(now));
  }

  /** Stops all animations for good. */
  stop(): void {
    this.#stopped = true;
  }

  #advance(now: number): void {
    this.#running = false;
    if (this.#stopped) return;
    if (this.#rig.advance(now)) this.moved(now);
    this.run();
  }
}

/** Returns the rig of this name, or the rig itself. */
export function rigOf(camera: CameraKind | CameraRig | undefined): CameraRig {
  if (typeof camera === "object") return camera;
  return camera === "walk" ? new WalkCamera() : new OrbitCamera();
}
