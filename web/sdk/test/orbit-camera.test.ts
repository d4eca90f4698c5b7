import { describe, expect, test } from "vitest";
import { OrbitCamera } from "../src/camera/orbit-camera.ts";
import type { CameraPose } from "../src/camera/rig.ts";
import {
  add,
  type Bounds,
  corners,
  dot,
  length,
  normalise,
  rotate,
  scale,
  subtract,
  type Vec3,
  vec3,
} from "../src/camera/vector.ts";

const ASPECT = 16 / 9;
const BOX: Bounds = { min: vec3(-1, -2, -3), max: vec3(3, 2, 1) };

function camera(): OrbitCamera {
  const result = new OrbitCamera();
  result.setAspect(ASPECT);
  result.fit(BOX, 0);
  return result;
}

/** Projects a point of the world into the frame: the inverse of what the camera computes. */
function project(pose: CameraPose, point: Vec3): { x: number; y: number } {
  const { x, y, z, w } = pose.orientation;
  const local = rotate({ x: -x, y: -y, z: -z, w }, subtract(point, pose.position));
  const tangent = Math.tan(pose.verticalFieldOfView / 2);
  return { x: local.x / (-local.z * tangent * ASPECT), y: local.y / (-local.z * tangent) };
}

/** Returns the point of a ray in the plane through the target that faces the camera. */
function onTargetPlane(camera: OrbitCamera, x: number, y: number): Vec3 {
  const { origin, direction } = camera.rayAt(x, y);
  const forward = normalise(subtract(camera.target, origin));
  return add(origin, scale(direction, camera.distance / dot(direction, forward)));
}

describe("OrbitCamera", () => {
  test("looks at its target without rolling", () => {
    const { position, orientation } = camera().pose();
    const forward = rotate(orientation, vec3(0, 0, -1));
    const expected = normalise(subtract(vec3(1, 0, -1), position));
    expect(length(subtract(forward, expected))).toBeLessThan(1e-9);
    expect(Math.abs(rotate(orientation, vec3(1, 0, 0)).y)).toBeLessThan(1e-12);
    expect(rotate(orientation, vec3(0, 1, 0)).y).toBeGreaterThan(0);
    expect(position.y).toBeGreaterThan(0);
  });

  test("fits every corner of the box into the frame, with a small margin", () => {
    for (const aspect of [ASPECT, 0.5]) {
      const fitted = new OrbitCamera();
      fitted.setAspect(aspect);
      fitted.fit(BOX, 0);
      const reach = corners(BOX).map((corner) => {
        const { x, y } = project(fitted.pose(), corner);
        return Math.max((Math.abs(x) * ASPECT) / aspect, Math.abs(y));
      });
      expect(Math.max(...reach)).toBeLessThan(1);
      expect(Math.max(...reach)).toBeGreaterThan(0.8);
    }
  });

  test("keeps the distance and follows the pointer while orbiting", () => {
    const turned = camera();
    const before = turned.pose();
    const front = add(turned.target, scale(normalise(subtract(before.position, turned.target)), 0.5));
    turned.turn(0.2, 0);
    expect(length(subtract(turned.pose().position, turned.target))).toBeCloseTo(turned.distance, 9);
    expect(project(turned.pose(), front).x).toBeGreaterThan(project(before, front).x);
    turned.turn(0, 0.2);
    expect(project(turned.pose(), front).y).toBeLessThan(project(before, front).y);
  });

  test("stops short of the poles without rolling", () => {
    const turned = camera();
    for (const pitch of [100, -200]) {
      turned.turn(0, pitch);
      expect(rotate(turned.pose().orientation, vec3(0, 1, 0)).y).toBeGreaterThan(0);
    }
  });

  test("panning keeps the point under the pointer exactly under it", () => {
    const panned = camera();
    const point = onTargetPlane(panned, 0.3, -0.2);
    panned.pan(0.25, 0.4);
    const { x, y } = project(panned.pose(), point);
    expect(x).toBeCloseTo(0.55, 9);
    expect(y).toBeCloseTo(0.2, 9);
  });

  test("zooming keeps the point under the pointer in place", () => {
    for (const factor of [0.5, 1.7]) {
      const zoomed = camera();
      const before = zoomed.distance;
      const point = onTargetPlane(zoomed, -0.6, 0.5);
      zoomed.zoom(factor, -0.6, 0.5);
      expect(zoomed.distance).toBeCloseTo(before * factor, 9);
      const { x, y } = project(zoomed.pose(), point);
      expect(x).toBeCloseTo(-0.6, 9);
      expect(y).toBeCloseTo(0.5, 9);
    }
  });

  test("zooming has limits in proportion to the model, and ignores invalid factors", () => {
    const zoomed = camera();
    zoomed.zoom(1e-9);
    expect(zoomed.distance).toBeGreaterThan(0);
    zoomed.zoom(1e12);
    expect(zoomed.distance).toBeLessThan(200);
    const before = zoomed.pose();
    for (const nonsense of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) zoomed.zoom(nonsense);
    expect(zoomed.pose()).toEqual(before);
  });

  test("a flight starts at the current pose and ends at the bounds", () => {
    const flying = camera();
    const bolt: Bounds = { min: vec3(2, 1, 0), max: vec3(2.2, 1.2, 0.2) };
    const start = flying.pose();
    flying.focus(bolt, 1_000, 300);
    expect(flying.pose()).toEqual(start);
    const distances = [1_000, 1_100, 1_200].map((now) => {
      expect(flying.advance(now)).toBe(true);
      expect(flying.animating).toBe(true);
      return flying.distance;
    });
    expect(distances).toEqual([...distances].sort((a, b) => b - a));
    expect(flying.advance(1_300)).toBe(true);
    expect(flying.animating).toBe(false);
    expect(flying.advance(1_400)).toBe(false);
    expect(flying.target.x).toBeCloseTo(2.1, 9);
    expect(flying.distance).toBeLessThan(0.6);
  });

  test("a gesture ends a flight", () => {
    const flying = camera();
    flying.focus({ min: vec3(0, 0, 0), max: vec3(1, 1, 1) }, 0, 300);
    flying.zoom(0.9);
    expect(flying.animating).toBe(false);
  });

  test("the ray through a point of the frame projects back to it", () => {
    const looking = camera();
    const { origin, direction } = looking.rayAt(0.7, -0.4);
    expect(length(direction)).toBeCloseTo(1, 12);
    const { x, y } = project(looking.pose(), add(origin, scale(direction, 5)));
    expect(x).toBeCloseTo(0.7, 9);
    expect(y).toBeCloseTo(-0.4, 9);
  });

  test("the near plane is in front of a fitted model", () => {
    const fitted = camera();
    expect(fitted.pose().nearPlaneMetres).toBeGreaterThan(0);
    expect(fitted.pose().nearPlaneMetres).toBeLessThan(fitted.distance - Math.sqrt(12));
  });
});
