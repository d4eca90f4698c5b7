import { describe, expect, test } from "vitest";
import { wheelZoom } from "../src/viewer/gestures.ts";

describe("wheelZoom", () => {
  const wheel = (deltaY: number, deltaMode = 0, ctrlKey = false) => wheelZoom({ deltaY, deltaMode, ctrlKey });

  test("turning towards the user moves away, and turning back reverses it exactly", () => {
    expect(wheel(100)).toBeGreaterThan(1);
    expect(wheel(100) * wheel(-100)).toBeCloseTo(1, 12);
  });

  test("converts lines and pages to pixels", () => {
    expect(wheel(3, 1)).toBeCloseTo(wheel(48), 12);
    expect(wheel(1, 2)).toBeCloseTo(wheel(400), 12);
  });

  test("scales up pinches of a trackpad", () => {
    expect(wheel(5, 0, true)).toBeGreaterThan(wheel(5));
  });

  test("limits the effect of a single event", () => {
    expect(wheel(1e9)).toBeLessThan(3);
    expect(wheel(-1e9)).toBeGreaterThan(1 / 3);
  });
});
