import { describe, expect, test } from "vitest";
import {
  LATENCY_MARKER_HEIGHT_PIXELS,
  LATENCY_MARKER_WIDTH_PIXELS,
  readLatencyMarker,
} from "../src/video/latency-marker.ts";

/** Paints a marker as the schema describes it, with the given grey values. */
function paint(id: number, white = 255, black = 0): Uint8ClampedArray {
  const rgba = new Uint8ClampedArray(LATENCY_MARKER_WIDTH_PIXELS * LATENCY_MARKER_HEIGHT_PIXELS * 4);
  const bits = `10${id.toString(2).padStart(32, "0")}`;
  for (let y = 0; y < 8; y += 1) {
    for (let x = 0; x < 272; x += 1) {
      const grey = bits[Math.floor(x / 8)] === "1" ? white : black;
      rgba.set([grey, grey, grey, 255], (y * 272 + x) * 4);
    }
  }
  return rgba;
}

describe("readLatencyMarker", () => {
  test("reads every bit", () => {
    for (const id of [0, 1, 0x8000_0000, 0xffff_ffff, 0x1234_5678, 0xa5a5_5a5a]) {
      expect(readLatencyMarker(paint(id))).toBe(id);
    }
  });

  test("reads a marker whose black and white a video codec has changed", () => {
    expect(readLatencyMarker(paint(12_345, 215, 40))).toBe(12_345);
  });

  test("finds no marker in a frame without one", () => {
    expect(readLatencyMarker(paint(0, 128, 128))).toBeNull();
    expect(readLatencyMarker(paint(0, 0, 255))).toBeNull();
  });
});
