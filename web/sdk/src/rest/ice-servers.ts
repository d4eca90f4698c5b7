/** Parses the TURN servers of a session: `GET …/sessions/{id}/ice-servers`. */

import { RemoraError } from "../errors.ts";

/** TURN servers and the lifetime of their credentials. */
export interface IceServers {
  readonly iceServers: readonly RTCIceServer[];
  /** Null if there are no servers, or if their credentials do not expire. */
  readonly expiresInSeconds: number | null;
}

/** Parses an answer of the service. */
export function parseIceServers(value: unknown): IceServers {
  if (typeof value !== "object" || value === null || !("iceServers" in value) || !Array.isArray(value.iceServers)) {
    throw malformed('the answer has no list "iceServers"');
  }
  const expires = "expiresInSeconds" in value ? value.expiresInSeconds : null;
  return {
    iceServers: value.iceServers.map(parseServer),
    expiresInSeconds: typeof expires === "number" ? expires : null,
  };
}

function parseServer(value: unknown): RTCIceServer {
  if (typeof value !== "object" || value === null || !("urls" in value)) throw malformed('a server has no "urls"');
  const urls: unknown[] = Array.isArray(value.urls) ? value.urls : [value.urls];
  const server: RTCIceServer = { urls: urls.map(text) };
  if ("username" in value) server.username = text(value.username);
  if ("credential" in value) server.credential = text(value.credential);
  return server;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw malformed(`${JSON.stringify(value)} is not a string`);
  return value;
}

function malformed(why: string): RemoraError {
  return new RemoraError(
    "unexpected-answer",
    `The service answered with something that is not a list of ICE servers: ${why}.`,
  );
}
