/** What is said to the person in front of the page: every outcome in words, with what to do next. */

import { type Bounds, type ModelLoaded, RemoraError, type Session, type ViewerCloseReason } from "@remora/sdk";

export interface Notice {
  readonly title: string;
  readonly detail: string;
  /** What the button of the notice does. */
  readonly action: "retry" | "reconnect" | null;
  /** An address to open in another tab. */
  readonly link?: { readonly label: string; readonly address: string };
}

export const WELCOME: Notice = {
  title: "See a model that is rendered elsewhere",
  detail: "New session leases a render host, for you alone, and connects to it.",
  action: null,
};

export const STARTING: Notice = {
  title: "Starting a render host…",
  detail: "It is reserved for this session until the session is stopped or its lease is over.",
  action: null,
};

export const CONNECTING: Notice = { title: "Connecting…", detail: "", action: null };

export const STOPPED: Notice = {
  title: "Session stopped",
  detail: "Its render host has been given back.",
  action: null,
};

export const LOADING = "Loading the model…";

/** Of a model that is shown already. */
export const REFINING = "Refining…";

export const INTERRUPTED = "The connection is interrupted; waiting for it to come back…";

/** This browser cannot show any session. */
export function unsupported(problem: RemoraError): Notice {
  const detail = `${problem.message} Open this page in a current version of Chrome, Edge, Firefox or Safari.`;
  return { title: "This browser cannot show sessions", detail, action: null };
}

/**
 * The connection failed or was lost, and is tried again. `certificateAt` is the address of the render host where its
 * certificate may be the reason.
 */
export function reconnecting(error: RemoraError, certificateAt: string | null): Notice {
  const title = "Connecting again…";
  if (error.code !== "host-unreachable" || certificateAt === null) return { title, detail: error.message, action: null };
  const detail =
    "The render host does not answer. This browser may not trust its certificate: open the address of the host, accept the " +
    "certificate there, and come back. Installing the certificate authority of this service makes that unnecessary.";
  return { title, detail, action: null, link: { label: "Open the render host's address", address: certificateAt } };
}

export function leaseEnding(remainingMinutes: number): string {
  return `The lease of this session ends in ${minutes(Math.ceil(remainingMinutes))}. Extend it in the list of sessions.`;
}

export function noticeOfClose(reason: ViewerCloseReason): Notice {
  switch (reason.kind) {
    case "left":
      return { title: "Disconnected", detail: "The session continues; connect to it again from the list.", action: "reconnect" };
    case "lost":
      return { title: "The connection was lost", detail: "The render host is no longer heard.", action: "reconnect" };
    case "ended":
      switch (reason.why) {
        case "stopped":
          return STOPPED;
        case "lease-expired":
          return { title: "The lease is over", detail: "The session has ended. Start a new one to go on.", action: null };
        case "host-failed":
          return { title: "The session failed", detail: reason.message, action: null };
        case "overrun":
          return { title: "The connection was closed", detail: reason.message, action: "reconnect" };
      }
    case "failed":
      return noticeOfConnectError(reason.error);
  }
}

export function noticeOfConnectError(error: unknown): Notice {
  if (error instanceof RemoraError && error.code === "session-in-use") {
    return {
      title: "This session is in use by another client",
      detail: "A session has one client at a time. Try again when the other one has left.",
      action: "retry",
    };
  }
  return { title: "Not connected", detail: sentence(error), action: "retry" };
}

export function noticeOfEndedSession(session: Session): Notice | null {
  switch (session.status) {
    case "Starting":
    case "Ready":
      return null;
    case "Stopped":
      return STOPPED;
    case "Expired":
      return { title: "The lease is over", detail: "The session has ended. Start a new one to go on.", action: null };
    case "Error":
      return { title: "The session failed", detail: session.reason ?? "The service gave no reason.", action: null };
  }
}

/** An error as a sentence; the words of the service and of the host are meant for people. */
export function sentence(error: unknown): string {
  if (error instanceof RemoraError && (error.code === "unauthorized" || error.code === "token-expired")) {
    return "Your sign-in is no longer accepted. Sign out, and sign in again.";
  }
  return error instanceof Error ? error.message : String(error);
}

export function minutes(count: number): string {
  const [hours, rest] = [Math.floor(count / 60), count % 60];
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}

/** 18.7 million, 200 thousand, 950. */
export function quantity(count: number): string {
  if (count >= 999_500) return `${trimmed(count / 1e6)} million`;
  if (count >= 1e4) return `${trimmed(count / 1e3)} thousand`;
  return String(count);
}

/** 950 B, 12 MB, 1.5 GB. */
export function bytes(count: number): string {
  if (count >= 999.5e6) return `${trimmed(count / 1e9)} GB`;
  if (count >= 999.5e3) return `${trimmed(count / 1e6)} MB`;
  if (count >= 1e3) return `${trimmed(count / 1e3)} kB`;
  return `${count} B`;
}

/** What a model consists of, as a sentence. */
export function summary(model: Pick<ModelLoaded, "name" | "triangles" | "points" | "parts" | "materials">): string {
  const counts = [
    model.triangles > 0n || model.points === 0n ? `${quantity(Number(model.triangles))} triangles` : "",
    model.points > 0n ? `${quantity(Number(model.points))} points` : "",
    `${model.parts} parts`,
    `${model.materials} materials`,
  ];
  return `${model.name}: ${counts.filter((count) => count !== "").join(", ")}.`;
}

/** The sides of a box in metres, three digits each. */
export function dimensions({ min, max }: Bounds): string {
  const sides = [max.x - min.x, max.y - min.y, max.z - min.z];
  return `${sides.map((side) => String(Number(side.toPrecision(3)))).join(" × ")} m`;
}

function trimmed(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0).replace(/\.0$/, "");
}
