import { expect, test } from "vitest";
import { watchTurn } from "../src/connection/peer.ts";

const SERVERS = [{ urls: ["turn:turn.example.com"], username: "u", credential: "c" }];

function candidateError(url: string, errorCode: number, errorText: string): Event {
  return Object.assign(new Event("icecandidateerror"), { url, errorCode, errorText });
}

test("without TURN servers a connection that finds no path blames the network", () => {
  const error = watchTurn(new EventTarget(), [])();
  expect(error.code).toBe("ice-failed");
  expect(error.message).toContain("UDP");
});

test("TURN servers that refuse are named with their reason", () => {
  const connection = new EventTarget();
  const turn = watchTurn(connection, SERVERS);
  connection.dispatchEvent(candidateError("turn:turn.example.com?transport=udp", 401, "Unauthorized"));
  expect(turn()).toMatchObject({
    code: "turn-failed",
    message: expect.stringContaining("turn:turn.example.com?transport=udp (401 Unauthorized)"),
  });
});

test("a TURN server that relays is not to blame, although another one failed", () => {
  const connection = new EventTarget();
  const turn = watchTurn(connection, SERVERS);
  connection.dispatchEvent(candidateError("turn:turn.example.com?transport=tcp", 701, "unreachable"));
  connection.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: { type: "relay" } }));
  expect(turn().code).toBe("ice-failed");
});
