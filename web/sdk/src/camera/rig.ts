/**
 * The movements that a viewer asks of a camera, whichever way it moves.
 *
 * The owner of a rig feeds it gestures and reads `pose()`; while `animating` is true it also calls `advance(now)` once per
 * display frame. Positions in the frame are given as normalised coordinates: x from -1 (left) to 1 (right), y from -1
 * (bottom) to 1 (top).
 */

import { type Bounds, normalise, type Quat, rotate, type Vec3, vec3 } from "./vector.ts";

/** The position and direction of a camera. */
export interface CameraPose {
  readonly position: Vec3;
  /** Camera to world; the camera looks along its -Z with +Y up. */
  readonly orientation: Quat;
  /** Radians. */
  readonly verticalFieldOfView: number;
  readonly nearPlaneMetres: number;
}

/** A half line. */
export interface Ray {
  readonly origin: Vec3;
  /** Unit vector. */
  readonly direction: Vec3;
}

/** The direction in which a person walks; each from -1 to 1. */
export interface Motion {
  readonly forward: number;
  readonly right: number;
  readonly up: number;
}

/** A camera that follows gestures. */
export interface CameraRig {
  /** The pose changes without further gestures. */
  readonly animating: boolean;
  /** Returns the pose of the moment. */
  pose(): CameraPose;
  /** Takes over a pose from another rig. */
  adopt(pose: CameraPose): void;
  /** Sets width divided by height of the frame. */
  setAspect(aspect: number): void;
  /** Turns by angles in radians; a positive `yaw` is a drag to the right. */
  turn(yaw: number, pitch: number): void;
  /** Moves across the frame by normalised coordinates. */
  pan(x: number, y: number): void;
  /** Moves nearer (`factor` below 1) or farther, towards a place of the frame. */
  zoom(factor: number, x?: number, y?: number): void;
  /** Keeps moving in a direction until it is called with zeros. Rigs without this method do not walk. */
  walk?(motion: Motion, nowMilliseconds: number): void;
  /** Takes the size of the model as the measure of all movements, and shows it whole. */
  fit(bounds: Bounds, nowMilliseconds: number, durationMilliseconds?: number): void;
  /** Flies to where `bounds` fill the frame; at once if the duration is 0. */
  focus(bounds: Bounds, nowMilliseconds: number, durationMilliseconds?: number): void;
  /** Moves an animation on to `now`; true if the pose changed. */
  advance(nowMilliseconds: number): boolean;
  /** Returns the ray through a place of the frame. */
  rayAt(x: number, y: number): Ray;
}

export const FOCUS_MILLISECONDS = 320;
/** The range that hosts accept, with room. */
const NEAR_PLANE_METRES_MIN = 1e-5;
const NEAR_PLANE_METRES_MAX = 1e5;

export function nearPlaneOf(metres: number): number {
  return clamp(metres, NEAR_PLANE_METRES_MIN, NEAR_PLANE_METRES_MAX);
}

export function rayOf({ position, orientation, verticalFieldOfView }: CameraPose, aspect: number, x: number, y: number): Ray {
  const tangent = Math.tan(verticalFieldOfView / 2);
  const direction = vec3(x * tangent * aspect, y * tangent, -1);
  return { origin: position, direction: normalise(rotate(orientation, direction)) };
}

/** The inverse of `fromYawPitch`. */
export function yawAndPitchOf(orientation: Quat): { yaw: number; pitch: number } {
  const { x, y, z } = rotate(orientation, vec3(0, 0, -1));
  return { yaw: Math.atan2(-x, -z), pitch: Math.asin(clamp(y, -1, 1)) };
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
