import { beforeEach, describe, expect, test } from "vitest";
import { ClickDetector } from "../src/viewer/click.ts";

describe("ClickDetector", () => {
  let clicks: ClickDetector;
  const at = { x: 100, y: 50 };

  beforeEach(() => {
    clicks = new ClickDetector();
  });

  test("a short press is a click at its starting point", () => {
    clicks.down(1, at, 0, true);
    clicks.move(1, { x: 102, y: 52 });
    expect(clicks.up(1, { x: 102, y: 52 }, 200)).toEqual(at);
    expect(clicks.up(1, at, 200)).toBeNull();
  });

  test("a drag is not a click, even if it returns", () => {
    clicks.down(1, at, 0, true);
    clicks.move(1, { x: 104, y: 50 });
    clicks.move(1, at);
    expect(clicks.up(1, at, 100)).toBeNull();
  });

  test("a drag is not a click if only its end is reported", () => {
    clicks.down(1, at, 0, true);
    expect(clicks.up(1, { x: 100, y: 60 }, 100)).toBeNull();
  });

  test("a long press is not a click", () => {
    clicks.down(1, at, 0, true);
    expect(clicks.up(1, at, 500)).toBeNull();
    clicks.down(1, at, 1_000, true);
    expect(clicks.up(1, at, 1_499)).toEqual(at);
  });

  test("another button, two fingers and a cancelled pointer are not clicks", () => {
    clicks.down(1, at, 0, false);
    expect(clicks.up(1, at, 10)).toBeNull();
    clicks.down(1, at, 100, true);
    clicks.down(2, at, 110, true);
    expect(clicks.up(2, at, 120)).toBeNull();
    expect(clicks.up(1, at, 130)).toBeNull();
    clicks.down(1, at, 200, true);
    clicks.cancel(1);
    expect(clicks.up(1, at, 210)).toBeNull();
    clicks.down(1, at, 300, true);
    expect(clicks.up(1, at, 310)).toEqual(at);
  });
});
