/** Parses sessions in the form of API 2021-01-01. */

import { RemoraError } from "../errors.ts";

/** The size of the machine behind a session. */
export type SessionSize = "Standard" | "Premium";

/** `Error`, `Expired` and `Stopped` are final. */
export type SessionStatus = "Starting" | "Ready" | "Error" | "Expired" | "Stopped";

/** The creator of a session: a person whom an identity provider knows, or the holder of an account key. */
export interface SessionOwner {
  /** The identity provider; together with the subject it identifies a person. Null for an account key. */
  readonly issuer: string | null;
  /** Null for an account key. */
  readonly subject: string | null;
  /** The name to show to people. */
  readonly name: string;
}

/** The properties that a session has in every state. */
export interface SessionCommon {
  readonly id: string;
  readonly size: string;
  /** An RFC 3339 time. */
  readonly creationTime: string;
  readonly maxLeaseTimeMinutes: number;
  /** Whole minutes since the session became ready. */
  readonly elapsedTimeMinutes: number;
  /** Null if the service does not name an owner. */
  readonly owner: SessionOwner | null;
}

/** The addresses of a ready session. */
export interface SessionAddress {
  readonly hostname: string;
  readonly handshakePort: number;
  readonly inspectorPort: number;
}

/** A session whose render host is being started. */
export type StartingSession = SessionCommon & { readonly status: "Starting" };
/** A session that accepts a client. */
export type ReadySession = SessionCommon & { readonly status: "Ready"; readonly address: SessionAddress };
/** A session that is over. */
export type EndedSession = SessionCommon & {
  readonly status: "Error" | "Expired" | "Stopped";
  /** The reason, if the status is Error. */
  readonly reason: string | null;
};
/** A session in any state; `status` tells which. */
export type Session = StartingSession | ReadySession | EndedSession;

function malformed(missing: string): RemoraError {
  return new RemoraError("unexpected-answer", `The service answered with something that is not a session: ${missing}.`);
}

type Json = Readonly<Record<string, unknown>>;

/** Parses one session. */
export function parseSession(value: unknown): Session {
  const json = object(value);
  const common = {
    id: string(json, "id"),
    size: string(json, "size"),
    creationTime: string(json, "creationTime"),
    maxLeaseTimeMinutes: number(json, "maxLeaseTimeMinutes"),
    elapsedTimeMinutes: json["elapsedTimeMinutes"] === undefined ? 0 : number(json, "elapsedTimeMinutes"),
    owner: owner(json["owner"]),
  };
  const status = string(json, "status");
  switch (status) {
    case "Starting":
      return { ...common, status };
    case "Ready":
      return {
        ...common,
        status,
        address: {
          hostname: string(json, "hostname"),
          handshakePort: number(json, "handshakePort"),
          inspectorPort: number(json, "arrInspectorPort"),
        },
      };
    case "Error":
    case "Expired":
    case "Stopped":
      return { ...common, status, reason: reason(json["error"]) };
    default:
      throw malformed(`unknown status ${JSON.stringify(status)}`);
  }
}

/** Parses one page of a list of sessions. */
export function parseSessionPage(value: unknown): { sessions: Session[]; nextLink: string | null } {
  const json = object(value);
  const sessions = json["sessions"];
  if (!Array.isArray(sessions)) throw malformed('the list has no "sessions"');
  const nextLink = json["@nextLink"];
  return {
    sessions: sessions.map(parseSession),
    nextLink: typeof nextLink === "string" && nextLink !== "" ? nextLink : null,
  };
}

function owner(value: unknown): SessionOwner | null {
  if (typeof value !== "object" || value === null) return null;
  const { issuer, subject, name } = value as Json;
  const text = (each: unknown) => (typeof each === "string" ? each : null);
  return typeof name === "string" ? { issuer: text(issuer), subject: text(subject), name } : null;
}

function reason(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("message" in error)) return null;
  return typeof error.message === "string" ? error.message : null;
}

function object(value: unknown): Json {
  if (typeof value !== "object" || value === null) throw malformed("not an object");
  return value as Json;
}

function string(json: Json, key: string): string {
  const value = json[key];
  if (typeof value !== "string") throw malformed(`"${key}" is not a string`);
  return value;
}

function number(json: Json, key: string): number {
  const value = json[key];
  if (typeof value !== "number") throw malformed(`"${key}" is not a number`);
  return value;
}
