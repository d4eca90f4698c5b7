import { describe, expect, test } from "vitest";
import { OrbitCamera } from "../src/camera/orbit-camera.ts";
import { length, subtract, vec3 } from "../src/camera/vector.ts";
import { WalkCamera } from "../src/camera/walk-camera.ts";

const HOUSE = { min: vec3(-10, 0, -10), max: vec3(10, 6, 10) };
const STILL = { forward: 0, right: 0, up: 0 };

function walker(): WalkCamera {
  const camera = new WalkCamera();
  camera.fit(HOUSE, 0);
  return camera;
}

describe("WalkCamera", () => {
  test("walks in its direction of view, in proportion to the elapsed time", () => {
    const camera = walker();
    const start = camera.pose().position;
    expect(camera.animating).toBe(false);
    camera.walk({ ...STILL, forward: 1 }, 1_000);
    expect(camera.animating).toBe(true);
    expect(camera.advance(1_050)).toBe(true);
    const half = subtract(camera.pose().position, start);
    camera.advance(1_100);
    const whole = subtract(camera.pose().position, start);
    expect(half.z).toBeLessThan(0);
    expect(whole.z).toBeCloseTo(2 * half.z, 9);
    camera.walk(STILL, 1_100);
    expect(camera.animating).toBe(false);
    expect(camera.advance(2_000)).toBe(false);
  });

  test("does not jump after a tab was suspended", () => {
    const camera = walker();
    const start = camera.pose().position;
    camera.walk({ ...STILL, right: 1 }, 0);
    camera.advance(60_000);
    expect(length(subtract(camera.pose().position, start))).toBeLessThan(2);
  });

  test("looks around from its position, and the point under the pointer follows", () => {
    const camera = walker();
    const { position } = camera.pose();
    const before = camera.rayAt(0, 0).direction;
    camera.turn(0.2, 0);
    expect(camera.pose().position).toEqual(position);
    // A drag to the right looks to the left.
    expect(camera.rayAt(0, 0).direction.x).toBeLessThan(before.x);
    camera.turn(0, 100);
    expect(camera.rayAt(0, 0).direction.y).toBeGreaterThan(0.99);
  });

  test("the wheel moves forward by bounded steps", () => {
    const camera = walker();
    const start = camera.pose().position;
    camera.zoom(0.5);
    expect(camera.pose().position.z).toBeLessThan(start.z);
    camera.zoom(1e-30);
    expect(length(subtract(camera.pose().position, start))).toBeLessThan(40);
  });

  test("a flight ends where the whole box is visible", () => {
    const camera = walker();
    camera.zoom(0.5);
    camera.focus(HOUSE, 0, 100);
    while (camera.animating) camera.advance(100);
    expect(camera.pose().position).toEqual(walker().pose().position);
  });

  test("adopts the pose of an orbit camera, and passes it back", () => {
    const orbit = new OrbitCamera();
    orbit.fit(HOUSE, 0);
    const walk = walker();
    walk.adopt(orbit.pose());
    expect(walk.pose().position).toEqual(orbit.pose().position);
    for (const axis of ["x", "y", "z", "w"] as const) {
      expect(walk.pose().orientation[axis]).toBeCloseTo(orbit.pose().orientation[axis], 9);
    }
    const back = new OrbitCamera();
    back.fit(HOUSE, 0);
    back.adopt(walk.pose());
    for (const axis of ["x", "y", "z"] as const) {
      expect(back.pose().position[axis]).toBeCloseTo(orbit.pose().position[axis], 9);
    }
  });
});
