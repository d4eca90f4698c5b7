/** Tests the parts of a viewer that only compute: retries, the remaining lease, and the kind of the network path. */

import { describe, expect, test } from "vitest";
import { connectionKindOf } from "../src/connection/connection-kind.ts";
import { RemoraError, type RemoraErrorCode, RequestRefused } from "../src/errors.ts";
import { LeaseClock } from "../src/viewer/lease-clock.ts";
import { hasReachedHost, mayRetry, pauseAfter } from "../src/viewer/retry.ts";

describe("retry", () => {
  const error = (code: RemoraErrorCode) => new RemoraError(code, code);
  const fresh = { sinceMilliseconds: 0, reachedHost: false };
  const known = { sinceMilliseconds: 0, reachedHost: true };

  test.each([
    "host-unreachable",
    "ice-failed",
    "turn-failed",
    "timeout",
    "busy",
    "closed",
    "service-unreachable",
  ] as const)("tries again after %s", (code) => expect(mayRetry(error(code), fresh, 1e9)).toBe(true));

  test.each([
    "unauthorized",
    "token-expired",
    "forbidden",
    "unsupported-browser",
    "origin-refused",
    "session-ended",
    "not-found",
  ] as const)("does not try again after %s", (code) => expect(mayRetry(error(code), known, 0)).toBe(false));

  test("waits for a session in use only if this client was connected a moment ago", () => {
    expect(mayRetry(error("session-in-use"), fresh, 1_000)).toBe(false);
    expect(mayRetry(error("session-in-use"), known, 1_000)).toBe(true);
    expect(mayRetry(error("session-in-use"), known, 30_000)).toBe(false);
    expect(hasReachedHost(error("ice-failed"))).toBe(true);
    expect(hasReachedHost(error("host-unreachable"))).toBe(false);
  });

  test("pauses grow up to a limit, and are never shorter than the service demands", () => {
    const pauses = [1, 2, 3, 10].map((attempt) => pauseAfter(attempt, error("timeout"), 0));
    expect(pauses).toEqual([300, 600, 1_200, 5_000]);
    const asked = new RequestRefused("busy", "", { status: 503, serviceCode: "Unavailable", retryAfterSeconds: 8 });
    expect(pauseAfter(1, asked, 0)).toBe(8_000);
  });

  test("waits until the host has given up an attempt that found no path", () => {
    expect(pauseAfter(1, error("turn-failed"), 1_000)).toBe(10_000);
    expect(pauseAfter(1, error("ice-failed"), 20_000)).toBe(300);
  });
});

describe("LeaseClock", () => {
  const kinds = (clock: LeaseClock, now: number) => clock.tick(now).map(({ kind }) => kind);

  test("reports each whole minute once, warns once, and warns again after an extension", () => {
    const clock = new LeaseClock(5);
    expect(clock.tick(0)).toEqual([]);
    clock.report(6.5, 0);
    expect(kinds(clock, 0)).toEqual(["lease"]);
    expect(kinds(clock, 20_000)).toEqual([]);
    expect(kinds(clock, 60_000)).toEqual(["lease"]);
    expect(kinds(clock, 90_000)).toEqual(["lease", "lease-ending"]);
    expect(kinds(clock, 91_000)).toEqual([]);
    clock.report(35, 91_000);
    expect(kinds(clock, 91_000)).toEqual(["lease"]);
    expect(kinds(clock, 91_000 + 31 * 60_000)).toEqual(["lease", "lease-ending"]);
  });

  test("never reports a negative remainder", () => {
    const clock = new LeaseClock(5);
    clock.report(1, 0);
    expect(clock.remainingMinutes(1e9)).toBe(0);
  });
});

describe("connectionKindOf", () => {
  const report = (local: object, remote: object = { candidateType: "host" }) =>
    Object.entries({
      transport: { id: "transport", type: "transport", selectedCandidatePairId: "pair" },
      pair: { id: "pair", type: "candidate-pair", localCandidateId: "local", remoteCandidateId: "remote" },
      local: { id: "local", type: "local-candidate", ...local },
      remote: { id: "remote", type: "remote-candidate", ...remote },
    });

  test("distinguishes direct, TCP and relayed paths", () => {
    expect(connectionKindOf(report({ candidateType: "host", protocol: "udp" }))).toBe("direct");
    expect(connectionKindOf(report({ candidateType: "prflx", protocol: "tcp" }))).toBe("tcp");
    expect(connectionKindOf(report({ candidateType: "relay", protocol: "udp" }))).toBe("relayed");
    expect(connectionKindOf(report({ candidateType: "host", protocol: "udp" }, { candidateType: "relay" }))).toBe(
      "relayed",
    );
  });

  test("returns null before a path is chosen", () => {
    expect(connectionKindOf([])).toBeNull();
  });

  test("finds the nominated pair if the transport does not name it", () => {
    const entries = report({ candidateType: "host", protocol: "tcp" }).filter(([name]) => name !== "transport");
    expect(connectionKindOf(entries)).toBeNull();
    const pair = { id: "pair", type: "candidate-pair", localCandidateId: "local", nominated: true, state: "succeeded" };
    expect(connectionKindOf([...entries, ["pair", pair]])).toBe("tcp");
  });
});
