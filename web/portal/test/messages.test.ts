import { RemoraError, RequestRefused } from "@remora/sdk";
import { describe, expect, test } from "vitest";
import * as words from "../src/messages.ts";

describe("words", () => {
  test("a session in use says so and offers to try again", () => {
    const notice = words.noticeOfConnectError(new RemoraError("session-in-use", "409"));
    expect(notice.title).toBe("This session is in use by another client");
    expect(notice.action).toBe("retry");
  });

  test("any other refusal is told in the words of the host", () => {
    const notice = words.noticeOfConnectError(new RemoraError("ice-failed", "No network path was found."));
    expect(notice).toMatchObject({ title: "Not connected", detail: "No network path was found." });
  });

  test("every way a connection ends has its own words", () => {
    const notices = [
      words.noticeOfClose({ kind: "left" }),
      words.noticeOfClose({ kind: "lost" }),
      words.noticeOfClose({ kind: "ended", why: "stopped", message: "" }),
      words.noticeOfClose({ kind: "ended", why: "lease-expired", message: "" }),
      words.noticeOfClose({ kind: "ended", why: "host-failed", message: "The driver crashed." }),
      words.noticeOfClose({ kind: "ended", why: "overrun", message: "Too many commands." }),
    ];
    expect(notices.map(({ title }) => title)).toEqual([
      "Disconnected",
      "The connection was lost",
      "Session stopped",
      "The lease is over",
      "The session failed",
      "The connection was closed",
    ]);
    expect(notices.map(({ action }) => action)).toEqual(["reconnect", "reconnect", null, null, null, "reconnect"]);
    expect(notices[4]?.detail).toBe("The driver crashed.");
  });

  test("an expired sign-in says how to sign in again", () => {
    expect(words.sentence(new RequestRefused("unauthorized", "bearer", { status: 401, serviceCode: "Unauthorized" }))).toContain("sign in again");
  });

  test("a model of points is told of in points", () => {
    const model = { name: "Site", triangles: 0n, points: 3_000_000n, parts: 1, materials: 1 };
    expect(words.summary(model)).toBe("Site: 3 million points, 1 parts, 1 materials.");
    expect(words.summary({ ...model, triangles: 50n })).toBe("Site: 50 triangles, 3 million points, 1 parts, 1 materials.");
    expect(words.summary({ ...model, points: 0n })).toBe("Site: 0 triangles, 1 parts, 1 materials.");
  });

  test("sizes are told in metres, also far from the origin", () => {
    const min = { x: 5_000_000, y: -0.5, z: 0 };
    expect(words.dimensions({ min, max: { x: 5_000_000.125, y: 0.5, z: 12_345.6 } })).toBe("0.125 × 1 × 12300 m");
  });

  test("times and quantities read naturally", () => {
    expect([0, 950, 12_000, 1_500_000, 999_600_000, 4e9].map(words.bytes)).toEqual([
      "0 B",
      "950 B",
      "12 kB",
      "1.5 MB",
      "1 GB",
      "4 GB",
    ]);
    expect([0, 59, 60, 90, 125].map(words.minutes)).toEqual(["0 min", "59 min", "1 h", "1 h 30 min", "2 h 5 min"]);
    expect([950, 9_999, 49_950, 200_000, 1_000_000, 18_700_000].map(words.quantity)).toEqual([
      "950",
      "9999",
      "50 thousand",
      "200 thousand",
      "1 million",
      "18.7 million",
    ]);
  });
});
