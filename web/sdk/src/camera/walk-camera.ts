/**
 * A camera that walks: it looks around from its position, and moves while a key is held.
 *
 * It never rolls. Its speed is proportional to the size of the model, so that walking works in a bolt as in a plant.
 */

import { fitDistance } from "./fit.ts";
import {
  type CameraPose,
  type CameraRig,
  clamp,
  FOCUS_MILLISECONDS,
  type Motion,
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
  length,
  lerp,
  type Quat,
  radius,
  rotate,
  scale,
  type Vec3,
  vec3,
} from "./vector.ts";

const VERTICAL_FIELD_OF_VIEW = Math.PI / 3;
const PITCH_MAX = Math.PI / 2 - 0.01;
/** Radii of the model per second. */
const SPEED_RADII = 0.5;
/** Bounds the movement of one step, so that the camera does not jump when a tab wakes up. */
const STEP_MILLISECONDS_MAX = 100;
/** The movement of a zoom by the factor e, in radii of the model. */
const ZOOM_RADII = 0.5;
/** The movement of a pan by half the height of the frame, in radii of the model. */
const PAN_RADII = 0.5;
const NEAR_PLANE_RADII = 0.001;
const STILL: Motion = { forward: 0, right: 0, up: 0 };

/** An animation from one position to another. */
interface Flight {
  readonly from: Vec3;
  readonly to: Vec3;
  readonly startMilliseconds: number;
  readonly durationMilliseconds: number;
}

/** A {@link CameraRig} that walks through a model. */
export class WalkCamera implements CameraRig {
  readonly verticalFieldOfView = VERTICAL_FIELD_OF_VIEW;
  #position: Vec3 = vec3(0, 0, 3);
  #yaw = 0;
  #pitch = 0;
  #aspect = 16 / 9;
  #modelRadius = 1;
  #motion: Motion = STILL;
  #movedAt = 0;
  #flight: Flight | null = null;

  get animating(): boolean {
    return this.#flight !== null || length(this.#direction()) > 0;
  }

  /** Returns the current pose. */
  pose(): CameraPose {
    return {
      position: this.#position,
      orientation: this.#orientation(),
      verticalFieldOfView: this.verticalFieldOfView,
      nearPlaneMetres: nearPlaneOf(this.#modelRadius * NEAR_PLANE_RADII),
    };
  }

  adopt({ position, orientation }: CameraPose): void {
    const { yaw, pitch } = yawAndPitchOf(orientation);
    this.#flight = null;
    this.#position = position;
    this.#yaw = yaw;
    this.#pitch = clamp(pitch, -PITCH_MAX, PITCH_MAX);
  }

  setAspect(aspect: number): void {
    if (aspect > 0 && Number.isFinite(aspect)) this.#aspect = aspect;
  }

  /** Looks around: the point under the pointer follows it. */
  turn(yaw: number, pitch: number): void {
    // Gestures turn by half a circle over the height of the frame, but this camera turns by its field of view.
    const factor = this.verticalFieldOfView / Math.PI;
    this.#yaw = (this.#yaw + yaw * factor) % (2 * Math.PI);
    this.#pitch = clamp(this.#pitch + pitch * factor, -PITCH_MAX, PITCH_MAX);
  }

  pan(x: number, y: number): void {
    this.#step(vec3(-x * this.#aspect * PAN_RADII, -y * PAN_RADII, 0));
  }

  zoom(factor: number): void {
    if (!(factor > 0) || !Number.isFinite(factor)) return;
    this.#step(vec3(0, 0, clamp(Math.log(factor), -1, 1) * ZOOM_RADII));
  }

  walk(motion: Motion, nowMilliseconds: number): void {
    if (!this.animating) this.#movedAt = nowMilliseconds;
    this.#motion = motion;
  }

  fit(bounds: Bounds, nowMilliseconds: number, durationMilliseconds = 0): void {
    this.#modelRadius = Math.max(radius(bounds), Number.EPSILON);
    this.focus(bounds, nowMilliseconds, durationMilliseconds);
  }

  focus(bounds: Bounds, nowMilliseconds: number, durationMilliseconds = FOCUS_MILLISECONDS): void {
    const orientation = this.#orientation();
    const distance = fitDistance(bounds, orientation, this.verticalFieldOfView, this.#aspect);
    const to = add(centre(bounds), rotate(orientation, vec3(0, 0, distance)));
    if (durationMilliseconds <= 0) {
      this.#flight = null;
      this.#position = to;
    } else {
      this.#flight = { from: this.#position, to, startMilliseconds: nowMilliseconds, durationMilliseconds };
    }
  }

  advance(nowMilliseconds: number): boolean {
    const flight = this.#flight;
    if (flight !== null) {
      const progress = clamp((nowMilliseconds - flight.startMilliseconds) / flight.durationMilliseconds, 0, 1);
      if (progress === 1) this.#flight = null;
      this.#position = lerp(flight.from, flight.to, 1 - (1 - progress) ** 3);
      this.#movedAt = nowMilliseconds;
      return true;
    }
    const direction = this.#direction();
    const elapsed = clamp(nowMilliseconds - this.#movedAt, 0, STEP_MILLISECONDS_MAX);
    this.#movedAt = nowMilliseconds;
    if (length(direction) === 0 || elapsed === 0) return false;
    this.#step(scale(direction, (SPEED_RADII * elapsed) / 1_000));
    return true;
  }

  rayAt(x: number, y: number): Ray {
    return rayOf(this.pose(), this.#aspect, x, y);
  }

  #direction(): Vec3 {
    return vec3(this.#motion.right, this.#motion.up, -this.#motion.forward);
  }

  /** Moves by a vector in camera space, in radii of the model. */
  #step(radii: Vec3): void {
    this.#flight = null;
    this.#position = add(this.#position, scale(rotate(this.#orientation(), radii), this.#modelRadius));
  }

  #orientation(): Quat {
    return fromYawPitch(this.#yaw, this.#pitch);
  }
}
