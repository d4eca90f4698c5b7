/**
 * The interface between a viewer and its camera.
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
  /** True while the pose changes without further gestures. */
  readonly animating: boolean;
  /** Returns the current pose. */
  pose(): CameraPose;
  /** Adopts the pose of another rig. */
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
  /** Scales all movements to the size of the model, and shows the whole model. */
  fit(bounds: Bounds, nowMilliseconds: number, durationMilliseconds?: number): void;
  /** Flies to where `bounds` fill the frame; immediately if the duration is 0. */
  focus(bounds: Bounds, nowMilliseconds: number, durationMilliseconds?: number): void;
  /** Advances an animation to `nowMilliseconds`; returns true if the pose changed. */
  advance(nowMilliseconds: number): boolean;
  /** Returns the ray through a place of the frame. */
  rayAt(x: number, y: number): Ray;
}

/** The duration of a flight to a part. */
export const FOCUS_MILLISECONDS = 320;
/** Within the range that hosts accept, with a margin. */
const NEAR_PLANE_METRES_MIN = 1e-5;
const NEAR_PLANE_METRES_MAX = 1e5;

/** Limits the distance of the near plane to the range that hosts accept. */
export function nearPlaneOf(metres: number): number {
  return clamp(metres, NEAR_PLANE_METRES_MIN, NEAR_PLANE_METRES_MAX);
}

/** Returns the ray from a camera through a point of its frame. */
export function rayOf(
  { position, orientation, verticalFieldOfView }: CameraPose,
  aspect: number,
  x: number,
  y: number,
): Ray {
  const tangent = Math.tan(verticalFieldOfView / 2);
  const direction = vec3(x * tangent * aspect, y * tangent, -1);
  return { origin: position, direction: normalise(rotate(orientation, direction)) };
}

/** Returns the angles of an orientation; the inverse of `fromYawPitch`. */
export function yawAndPitchOf(orientation: Quat): { yaw: number; pitch: number } {
  const { x, y, z } = rotate(orientation, vec3(0, 0, -1));
  return { yaw: Math.atan2(-x, -z), pitch: Math.asin(clamp(y, -1, 1)) };
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
