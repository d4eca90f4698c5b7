/**
 * A camera that circles a point. It contains arithmetic only: no events, no clock.
 *
 * It never rolls and never passes through a pole. Limits on its distance keep the model in view.
 */

import { fitDistance } from "./fit.ts";
import {
  type CameraPose,
  type CameraRig,
  clamp,
  FOCUS_MILLISECONDS,
  nearPlaneOf,
  type Ray,
  rayOf,
  yawAndPitchOf,
} from "./rig.ts";
import {
  add,
  type Bounds,
  centre,
  fromYawPitch,
  lerp,
  type Quat,
  radius,
  rotate,
  scale,
  subtract,
  type Vec3,
  vec3,
} from "./vector.ts";

/** Options of an {@link OrbitCamera}; angles in radians. */
export interface OrbitCameraOptions {
  verticalFieldOfView?: number;
  /** The initial angle around the vertical axis. */
  yaw?: number;
  /** The initial angle above the horizon; negative to look down. */
  pitch?: number;
}

const VERTICAL_FIELD_OF_VIEW = Math.PI / 4;
/** Just short of the poles, where yaw loses its meaning. */
const PITCH_MAX = Math.PI / 2 - 0.01;
/** In radii of the model: a thousandth shows a single bolt, forty make the model a dot. */
const DISTANCE_RADII_MIN = 0.001;
const DISTANCE_RADII_MAX = 40;
/** A fraction of the distance to the target. It is small, because reversed depth keeps its precision. */
const NEAR_PLANE_FRACTION = 0.01;

/** The part of a pose that flights change. */
interface View {
  readonly target: Vec3;
  readonly distance: number;
}

/** An animation from one view to another. */
interface Flight {
  readonly from: View;
  readonly to: View;
  readonly startMilliseconds: number;
  readonly durationMilliseconds: number;
}

/** A {@link CameraRig} that circles a point. It never rolls. */
export class OrbitCamera implements CameraRig {
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

  /** Returns the current pose. */
  pose(): CameraPose {
    const orientation = this.#orientation();
    return {
      position: add(this.#view.target, rotate(orientation, vec3(0, 0, this.#view.distance))),
      orientation,
      verticalFieldOfView: this.verticalFieldOfView,
      nearPlaneMetres: nearPlaneOf(this.#view.distance * NEAR_PLANE_FRACTION),
    };
  }

  /** Sets width divided by height of the frame. */
  setAspect(aspect: number): void {
    if (aspect > 0 && Number.isFinite(aspect)) this.#aspect = aspect;
  }

  /** Turns around the target; a drag to the right turns the model to the right. */
  turn(yaw: number, pitch: number): void {
    this.#yaw = (this.#yaw - yaw) % (2 * Math.PI);
    this.#pitch = clamp(this.#pitch - pitch, -PITCH_MAX, PITCH_MAX);
  }

  /** Moves the target parallel to the frame, so that a point under the pointer stays under it. */
  pan(x: number, y: number): void {
    this.#flight = null;
    this.#view = { ...this.#view, target: subtract(this.#view.target, this.#onTargetPlane(x, y, this.#view.distance)) };
  }

  /** Multiplies the distance by `factor`; the point at (x, y) on the target's plane stays there. */
  zoom(factor: number, x = 0, y = 0): void {
    if (!(factor > 0) || !Number.isFinite(factor)) return;
    this.#flight = null;
    const distance = this.#limited(this.#view.distance * factor);
    const before = this.#onTargetPlane(x, y, this.#view.distance);
    const after = this.#onTargetPlane(x, y, distance);
    this.#view = { target: add(this.#view.target, subtract(before, after)), distance };
  }

  /** Scales all limits to the size of the model, and shows the whole model. */
  fit(bounds: Bounds, nowMilliseconds: number, durationMilliseconds = 0): void {
    this.#modelRadius = Math.max(radius(bounds), Number.EPSILON);
    this.focus(bounds, nowMilliseconds, durationMilliseconds);
  }

  /** Flies to where `bounds` fill the frame; immediately if the duration is 0. */
  focus(bounds: Bounds, nowMilliseconds: number, durationMilliseconds = FOCUS_MILLISECONDS): void {
    const to = {
      target: centre(bounds),
      distance: this.#limited(fitDistance(bounds, this.#orientation(), this.verticalFieldOfView, this.#aspect)),
    };
    if (durationMilliseconds <= 0) {
      this.#flight = null;
      this.#view = to;
    } else {
      this.#flight = { from: this.#view, to, startMilliseconds: nowMilliseconds, durationMilliseconds };
    }
  }

  /** Advances a flight to `nowMilliseconds`; returns true if the pose changed. */
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
      // Logarithmic interpolation makes flights from far and from near look equally fast.
      distance: flight.from.distance * (flight.to.distance / flight.from.distance) ** eased,
    };
    return true;
  }

  /** Returns the ray through a point of the frame. */
  rayAt(x: number, y: number): Ray {
    return rayOf(this.pose(), this.#aspect, x, y);
  }

  adopt({ position, orientation }: CameraPose): void {
    const { yaw, pitch } = yawAndPitchOf(orientation);
    this.#flight = null;
    this.#yaw = yaw;
    this.#pitch = clamp(pitch, -PITCH_MAX, PITCH_MAX);
    const distance = this.#limited(this.#modelRadius);
    const target = add(position, rotate(this.#orientation(), vec3(0, 0, -distance)));
    this.#view = { target, distance };
  }

  #orientation(): Quat {
    return fromYawPitch(this.#yaw, this.#pitch);
  }

  /** Returns the offset in world space from the target to the point of its plane that is seen at (x, y). */
  #onTargetPlane(x: number, y: number, distance: number): Vec3 {
    const halfHeight = Math.tan(this.verticalFieldOfView / 2) * distance;
    return rotate(this.#orientation(), scale(vec3(x * this.#aspect, y, 0), halfHeight));
  }

  #limited(distance: number): number {
    return clamp(distance, this.#modelRadius * DISTANCE_RADII_MIN, this.#modelRadius * DISTANCE_RADII_MAX);
  }
}
