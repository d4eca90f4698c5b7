import { describe, expect, test } from "vitest";
import { viewportFor } from "../src/connection/viewport.ts";

const LIMITS = { widthPixelsMax: 3_840, heightPixelsMax: 2_160, areaPixelsMax: 1_280 * 720 };

describe("viewportFor", () => {
  test("requests physical pixels with even sides", () => {
    expect(viewportFor(401, 301, 1, LIMITS)).toEqual({ widthPixels: 400, heightPixels: 300 });
    expect(viewportFor(400, 300, 2, LIMITS)).toEqual({ widthPixels: 800, heightPixels: 600 });
  });

  test("uses the limits exactly", () => {
    expect(viewportFor(1_280, 720, 1, LIMITS)).toEqual({ widthPixels: 1_280, heightPixels: 720 });
    expect(viewportFor(1_920, 1_080, 1, LIMITS)).toEqual({ widthPixels: 1_280, heightPixels: 720 });
  });

  test("keeps the aspect ratio under every limit", () => {
    const wide = viewportFor(10_000, 1_000, 1, { ...LIMITS, areaPixelsMax: 1e9 });
    expect(wide.widthPixels).toBe(3_840);
    expect(wide.heightPixels).toBe(384);
    const small = viewportFor(800, 2_000, 2, LIMITS);
    expect(small.widthPixels * small.heightPixels).toBeLessThanOrEqual(LIMITS.areaPixelsMax);
    expect(small.widthPixels / small.heightPixels).toBeCloseTo(0.4, 1);
  });

  test("never requests less than a host accepts", () => {
    expect(viewportFor(0, 0, 1, LIMITS)).toEqual({ widthPixels: 64, heightPixels: 64 });
  });
});
