import { expect, test } from "vitest";
import { watchIce } from "../src/connection/ice-watch.ts";

const SERVERS = [{ urls: ["turn:turn.example.com"], username: "u", credential: "c" }];

function candidateError(url: string, errorCode: number, errorText: string): Event {
  return Object.assign(new Event("icecandidateerror"), { url, errorCode, errorText });
}

/** A candidate of this type, or the end of gathering. */
function candidate(type: "host" | "relay" | null): Event {
  const found = type === null ? null : { type, candidate: `candidate:1 1 udp 1 192.0.2.1 9 typ ${type}` };
  return Object.assign(new Event("icecandidate"), { candidate: found });
}

test("without TURN servers, the error blames the network", () => {
  const error = watchIce(new EventTarget(), []).error();
  expect(error.code).toBe("ice-failed");
  expect(error.message).toContain("UDP");
});

test("the error names TURN servers that refuse, with their reason", () => {
  const connection = new EventTarget();
  const ice = watchIce(connection, SERVERS);
  connection.dispatchEvent(candidateError("turn:turn.example.com?transport=udp", 401, "Unauthorized"));
  expect(ice.error()).toMatchObject({
    code: "turn-failed",
    message: expect.stringContaining("turn:turn.example.com?transport=udp (401 Unauthorized)"),
  });
});

test("the error does not blame TURN if one server relays, although another one failed", () => {
  const connection = new EventTarget();
  const ice = watchIce(connection, SERVERS);
  connection.dispatchEvent(candidateError("turn:turn.example.com?transport=tcp", 701, "unreachable"));
  connection.dispatchEvent(candidate("relay"));
  expect(ice.error().code).toBe("ice-failed");
});

test("the search is exhausted when gathering ends with refusals and without a candidate", () => {
  const connection = new EventTarget();
  const { exhausted } = watchIce(connection, SERVERS);
  connection.dispatchEvent(candidateError("turn:turn.example.com?transport=udp", 401, "Unauthorized"));
  expect(exhausted.aborted).toBe(false);
  connection.dispatchEvent(candidate(null));
  expect(exhausted.aborted).toBe(true);
});

test("the search continues if there is any candidate, or no server refused", () => {
  for (const events of [
    [candidate("host"), candidateError("turn:turn.example.com", 401, "Unauthorized"), candidate(null)],
    [candidate(null)],
  ]) {
    const connection = new EventTarget();
    const { exhausted } = watchIce(connection, SERVERS);
    for (const event of events) connection.dispatchEvent(event);
    expect(exhausted.aborted).toBe(false);
  }
});
