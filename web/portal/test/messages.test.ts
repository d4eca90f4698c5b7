import { RemoraError, RequestRefused } from "@remora/sdk";
import { describe, expect, test } from "vitest";
import * as messages from "../src/messages.ts";

describe("messages", () => {
  test("a session in use has its own notice, which offers to try again", () => {
    const notice = messages.noticeOfConnectError(new RemoraError("session-in-use", "409"));
    expect(notice.title).toBe("This session is in use by another client");
    expect(notice.action).toBe("retry");
  });

  test("any other error shows its own message", () => {
    const notice = messages.noticeOfConnectError(new RemoraError("ice-failed", "No network path was found."));
    expect(notice).toMatchObject({ title: "Not connected", detail: "No network path was found." });
  });

  test("every end of a connection has its own notice", () => {
    const notices = [
      messages.noticeOfClose({ kind: "left" }),
      messages.noticeOfClose({ kind: "lost" }),
      messages.noticeOfClose({ kind: "ended", why: "stopped", message: "" }),
      messages.noticeOfClose({ kind: "ended", why: "lease-expired", message: "" }),
      messages.noticeOfClose({ kind: "ended", why: "host-failed", message: "The driver crashed." }),
      messages.noticeOfClose({ kind: "ended", why: "overrun", message: "Too many commands." }),
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

  test("an expired sign-in asks to sign in again", () => {
    expect(
      messages.messageOf(new RequestRefused("unauthorized", "bearer", { status: 401, serviceCode: "Unauthorized" })),
    ).toContain("sign in again");
  });

  test("the summary counts triangles, points or both", () => {
    const model = { name: "Site", triangles: 0n, points: 3_000_000n, parts: 1, materials: 1 };
    expect(messages.summary(model)).toBe("Site: 3 million points, 1 parts, 1 materials.");
    expect(messages.summary({ ...model, triangles: 50n })).toBe(
      "Site: 50 triangles, 3 million points, 1 parts, 1 materials.",
    );
    expect(messages.summary({ ...model, points: 0n })).toBe("Site: 0 triangles, 1 parts, 1 materials.");
  });

  test("sizes are in metres, even far from the origin", () => {
    const min = { x: 5_000_000, y: -0.5, z: 0 };
    expect(messages.dimensions({ min, max: { x: 5_000_000.125, y: 0.5, z: 12_345.6 } })).toBe("0.125 × 1 × 12300 m");
  });

  test("times and quantities are formatted for people", () => {
    expect([0, 950, 12_000, 1_500_000, 999_600_000, 4e9].map(messages.bytes)).toEqual([
      "0 B",
      "950 B",
      "12 kB",
      "1.5 MB",
      "1 GB",
      "4 GB",
    ]);
    expect([0, 59, 60, 90, 125].map(messages.minutes)).toEqual(["0 min", "59 min", "1 h", "1 h 30 min", "2 h 5 min"]);
    expect([950, 9_999, 49_950, 200_000, 1_000_000, 18_700_000].map(messages.quantity)).toEqual([
      "950",
      "9999",
      "50 thousand",
      "200 thousand",
      "1 million",
      "18.7 million",
    ]);
  });
});
