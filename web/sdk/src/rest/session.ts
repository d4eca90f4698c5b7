/** Sessions as API 2021-01-01 writes them. */

export type SessionSize = "Standard" | "Premium";

/** `Error`, `Expired` and `Stopped` are final. */
export type SessionStatus = "Starting" | "Ready" | "Error" | "Expired" | "Stopped";

interface SessionCommon {
  readonly id: string;
  readonly size: string;
  readonly creationTime: string;
  readonly maxLeaseTimeMinutes: number;
  readonly elapsedTimeMinutes: number;
}

/** Where a ready session is reached. */
export interface SessionAddress {
  readonly hostname: string;
  readonly handshakePort: number;
  readonly inspectorPort: number;
}

export type StartingSession = SessionCommon & { readonly status: "Starting" };
export type ReadySession = SessionCommon & { readonly status: "Ready"; readonly address: SessionAddress };
export type EndedSession = SessionCommon & {
  readonly status: "Error" | "Expired" | "Stopped";
  /** Why, where the status is Error. */
  readonly reason: string | null;
};
export type Session = StartingSession | ReadySession | EndedSession;

/** The answer of the service was not a session. */
export class MalformedSession extends Error {
  override readonly name = "MalformedSession";

  constructor(missing: string) {
    super(`The service answered with something that is not a session: ${missing}.`);
  }
}

type Json = Readonly<Record<string, unknown>>;

export function parseSession(value: unknown): Session {
  const json = object(value);
  const common = {
    id: string(json, "id"),
    size: string(json, "size"),
    creationTime: string(json, "creationTime"),
    maxLeaseTimeMinutes: number(json, "maxLeaseTimeMinutes"),
    elapsedTimeMinutes: json["elapsedTimeMinutes"] === undefined ? 0 : number(json, "elapsedTimeMinutes"),
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
      throw new MalformedSession(`unknown status ${JSON.stringify(status)}`);
  }
}

/** One page of the list. */
export function parseSessionPage(value: unknown): { sessions: Session[]; nextLink: string | null } {
  const json = object(value);
  const sessions = json["sessions"];
  if (!Array.isArray(sessions)) throw new MalformedSession("the list has no \"sessions\"");
  const nextLink = json["@nextLink"];
  return {
    sessions: sessions.map(parseSession),
    nextLink: typeof nextLink === "string" && nextLink !== "" ? nextLink : null,
  };
}

function reason(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("message" in error)) return null;
  return typeof error.message === "string" ? error.message : null;
}

function object(value: unknown): Json {
  if (typeof value !== "object" || value === null) throw new MalformedSession("not an object");
  return value as Json;
}

function string(json: Json, key: string): string {
  const value = json[key];
  if (typeof value !== "string") throw new MalformedSession(`"${key}" is not a string`);
  return value;
}

function number(json: Json, key: string): number {
  const value = json[key];
  if (typeof value !== "number") throw new MalformedSession(`"${key}" is not a number`);
  return value;
}
