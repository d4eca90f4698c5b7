/**
 * A camera that circles a point: pure arithmetic, no events, no clock.
 *
 * Whoever owns it feeds it gestures and reads `pose()`; while `animating` is true it also calls `advance(now)` once per
 * display frame. Positions in the picture are given as normalised coordinates: x from -1 (left) to 1 (right), y from -1
 * (bottom) to 1 (top).
 *
 * It never rolls, never passes through a pole, and never gets so near or so far that the model cannot be found again.
 */

import {
  add,
  type Bounds,
  centre,
  corners,
  fromYawPitch,
  lerp,
  normalise,
  type Quat,
  radius,
  rotate,
  scale,
  subtract,
  type Vec3,
  vec3,
} from "./vector.ts";

/** What a host needs to draw: where the camera is, not how it came there. */
export interface CameraPose {
  readonly position: Vec3;
  /** Camera to world; the camera looks along its -Z with +Y up. */
  readonly orientation: Quat;
  readonly verticalFieldOfView: number;
  readonly nearPlaneMetres: number;
}

export interface Ray {
  readonly origin: Vec3;
  /** Of unit length. */
  readonly direction: Vec3;
}

export interface OrbitCameraOptions {
  verticalFieldOfView?: number;
  yaw?: number;
  pitch?: number;
}

const VERTICAL_FIELD_OF_VIEW = Math.PI / 4;
/** Just short of the poles, where yaw loses its meaning. */
const PITCH_MAX = Math.PI / 2 - 0.01;
/** In radii of the model: nearer than a thousandth is inside of a bolt, farther than forty a dot. */
const DISTANCE_RADII_MIN = 0.001;
const DISTANCE_RADII_MAX = 40;
/** Of the distance to the target. With reversed depth the far plane costs nothing, so this is small. */
const NEAR_PLANE_FRACTION = 0.01;
/** What hosts accept, with room. */
const NEAR_PLANE_METRES_MIN = 1e-5;
const NEAR_PLANE_METRES_MAX = 1e5;
/** Room around a model that is fitted into the picture. */
const FIT_MARGIN = 1.12;
export const FOCUS_MILLISECONDS = 320;

interface View {
  readonly target: Vec3;
  readonly distance: number;
}

interface Flight {
  readonly from: View;
  readonly to: View;
  readonly startMilliseconds: number;
  readonly durationMilliseconds: number;
}

export class OrbitCamera {
  readonly verticalFieldOfView: number;
  #yaw: number;
  #pitch: number;
  #view: View = { target: vec3(0, 0, 0), distance: 3 };
  #aspect = 16 / 9;
  #modelRadius = 1;
  #flight: Flight | null = null;

  constructor(options: OrbitCameraOptions = {}) {
    this.verticalFieldOfView = options.verticalFieldOfView ?? VERTICAL_FIELD_OF_VIEW;
    this.#yaw = options.yaw ?? 0.6;
    this.#pitch = options.pitch ?? -0.35;
  }

  get target(): Vec3 {
    return this.#view.target;
  }

  get distance(): number {
    return this.#view.distance;
  }

  get animating(): boolean {
    return this.#flight !== null;
  }

  pose(): CameraPose {
    const orientation = this.#orientation();
    return {
      position: add(this.#view.target, rotate(orientation, vec3(0, 0, this.#view.distance))),
      orientation,
      verticalFieldOfView: this.verticalFieldOfView,
      nearPlaneMetres: clamp(this.#view.distance * NEAR_PLANE_FRACTION, NEAR_PLANE_METRES_MIN, NEAR_PLANE_METRES_MAX),
    };
  }

  /** Width by height of the picture. */
  setAspect(aspect: number): void {
    if (aspect > 0 && Number.isFinite(aspect)) this.#aspect = aspect;
  }

  /** Turns around the target; a drag to the right turns the model to the right. */
  orbit(yaw: number, pitch: number): void {
    this.#yaw = (this.#yaw - yaw) % (2 * Math.PI);
    this.#pitch = clamp(this.#pitch - pitch, -PITCH_MAX, PITCH_MAX);
  }

  /** Moves the target in the plane of the picture, so that what was under the pointer stays under it. */
  pan(x: number, y: number): void {
    this.#flight = null;
    this.#view = { ...this.#view, target: subtract(this.#view.target, this.#onTargetPlane(x, y, this.#view.distance)) };
  }

  /** Multiplies the distance by `factor`; what is at (x, y) on the target's plane stays there. */
  zoom(factor: number, x = 0, y = 0): void {
    if (!(factor > 0) || !Number.isFinite(factor)) return;
    this.#flight = null;
    const distance = this.#limited(this.#view.distance * factor);
    const before = this.#onTargetPlane(x, y, this.#view.distance);
    const after = this.#onTargetPlane(x, y, distance);
    this.#view = { target: add(this.#view.target, subtract(before, after)), distance };
  }

  /** Takes the size of the model as the measure of all limits, and shows it whole. */
  fit(bounds: Bounds, nowMilliseconds: number, durationMilliseconds = 0): void {
    this.#modelRadius = Math.max(radius(bounds), Number.EPSILON);
    this.focus(bounds, nowMilliseconds, durationMilliseconds);
  }

  /** Flies to where `bounds` fill the picture; at once where the duration is 0. */
  focus(bounds: Bounds, nowMilliseconds: number, durationMilliseconds = FOCUS_MILLISECONDS): void {
    const to = { target: centre(bounds), distance: this.#limited(this.#fitDistance(bounds)) };
    if (durationMilliseconds <= 0) {
      this.#flight = null;
      this.#view = to;
    } else {
      this.#flight = { from: this.#view, to, startMilliseconds: nowMilliseconds, durationMilliseconds };
    }
  }

  /** Moves a flight on to `now`; true while the pose changed. */
  advance(nowMilliseconds: number): boolean {
    const flight = this.#flight;
    if (flight === null) return false;
    const progress = clamp((nowMilliseconds - flight.startMilliseconds) / flight.durationMilliseconds, 0, 1);
    if (progress === 1) {
      this.#flight = null;
      this.#view = flight.to;
      return true;
    }
    const eased = 1 - (1 - progress) ** 3;
    this.#view = {
      target: lerp(flight.from.target, flight.to.target, eased),
      // In the logarithm, so that flights from far and from near look equally fast.
      distance: flight.from.distance * (flight.to.distance / flight.from.distance) ** eased,
    };
    return true;
  }

  /** The ray through a point of the picture. */
  rayAt(x: number, y: number): Ray {
    const pose = this.pose();
    const tangent = Math.tan(this.verticalFieldOfView / 2);
    const direction = vec3(x * tangent * this.#aspect, y * tangent, -1);
    return { origin: pose.position, direction: normalise(rotate(pose.orientation, direction)) };
  }

  #orientation(): Quat {
    return fromYawPitch(this.#yaw, this.#pitch);
  }

  /** World-space offset from the target to the point of its plane that is seen at (x, y). */
  #onTargetPlane(x: number, y: number, distance: number): Vec3 {
    const halfHeight = Math.tan(this.verticalFieldOfView / 2) * distance;
    return rotate(this.#orientation(), scale(vec3(x * this.#aspect, y, 0), halfHeight));
  }

  /** Distance at which the box, seen from the present direction, just fills the picture. */
  #fitDistance(bounds: Bounds): number {
    const { x, y, z, w } = this.#orientation();
    const toCamera = { x: -x, y: -y, z: -z, w };
    const tangent = Math.tan(this.verticalFieldOfView / 2);
    const middle = centre(bounds);
    const distances = corners(bounds).map((corner) => {
      const seen = rotate(toCamera, subtract(corner, middle));
      return seen.z + FIT_MARGIN * Math.max(Math.abs(seen.x) / (tangent * this.#aspect), Math.abs(seen.y) / tangent);
    });
    return Math.max(...distances, Number.EPSILON);
  }

  #limited(distance: number): number {
    return clamp(distance, this.#modelRadius * DISTANCE_RADII_MIN, this.#modelRadius * DISTANCE_RADII_MAX);
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
