/** The vectors and quaternions of the cameras: right-handed, Y up, metres, radians. */

/** A point or a direction. */
export interface Vec3 {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** A unit quaternion. */
export interface Quat {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly w: number;
}

/** An axis-aligned box. */
export interface Bounds {
  readonly min: Vec3;
  readonly max: Vec3;
}

/** Creates a vector from its components. */
export function vec3(x: number, y: number, z: number): Vec3 {
  return { x, y, z };
}

export function add(a: Vec3, b: Vec3): Vec3 {
  return { x: a.x + b.x, y: a.y + b.y, z: a.z + b.z };
}

export function subtract(a: Vec3, b: Vec3): Vec3 {
  return { x: a.x - b.x, y: a.y - b.y, z: a.z - b.z };
}

export function scale(a: Vec3, factor: number): Vec3 {
  return { x: a.x * factor, y: a.y * factor, z: a.z * factor };
}

export function dot(a: Vec3, b: Vec3): number {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

export function length(a: Vec3): number {
  return Math.hypot(a.x, a.y, a.z);
}

/** Returns the unit vector in the direction of `a`, which is not the zero vector. */
export function normalise(a: Vec3): Vec3 {
  return scale(a, 1 / length(a));
}

export function lerp(a: Vec3, b: Vec3, t: number): Vec3 {
  return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t, z: a.z + (b.z - a.z) * t };
}

export function centre(bounds: Bounds): Vec3 {
  return lerp(bounds.min, bounds.max, 0.5);
}

export function corners({ min, max }: Bounds): Vec3[] {
  return [min.x, max.x].flatMap((x) => [min.y, max.y].flatMap((y) => [min.z, max.z].map((z) => ({ x, y, z }))));
}

/** Returns the radius of the sphere around a box. */
export function radius(bounds: Bounds): number {
  return length(subtract(bounds.max, bounds.min)) / 2;
}

/** Returns the rotation by `pitch` about X, then by `yaw` about Y: the orientation of a camera that never rolls. */
export function fromYawPitch(yaw: number, pitch: number): Quat {
  const [sy, cy] = [Math.sin(yaw / 2), Math.cos(yaw / 2)];
  const [sp, cp] = [Math.sin(pitch / 2), Math.cos(pitch / 2)];
  return { x: cy * sp, y: sy * cp, z: -sy * sp, w: cy * cp };
}

export function rotate(q: Quat, v: Vec3): Vec3 {
  const tx = 2 * (q.y * v.z - q.z * v.y);
  const ty = 2 * (q.z * v.x - q.x * v.z);
  const tz = 2 * (q.x * v.y - q.y * v.x);
  return {
    x: v.x + q.w * tx + q.y * tz - q.z * ty,
    y: v.y + q.w * ty + q.z * tx - q.x * tz,
    z: v.z + q.w * tz + q.x * ty - q.y * tx,
  };
}
