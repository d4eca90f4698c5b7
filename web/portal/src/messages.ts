/** The messages of the page: one for every outcome, with the next step. */

import { type Bounds, type ModelLoaded, RemoraError, type Session, type ViewerCloseReason } from "@remora/sdk";

/** A message in place of the video. */
export interface StageNotice {
  readonly title: string;
  readonly detail: string;
  /** The action of the button. */
  readonly action: "retry" | "reconnect" | null;
  /** An address to open in another tab. */
  readonly link?: { readonly label: string; readonly address: string };
}

export const WELCOME: StageNotice = {
  title: "View a model that is rendered on a server",
  detail: "“New session” leases a render host for your exclusive use and connects to it.",
  action: null,
};

export const STARTING: StageNotice = {
  title: "Starting a render host…",
  detail: "It is reserved for this session until the session is stopped or its lease is over.",
  action: null,
};

export const CONNECTING: StageNotice = { title: "Connecting…", detail: "", action: null };

export const STOPPED: StageNotice = {
  title: "Session stopped",
  detail: "Its render host has been released.",
  action: null,
};

const LEASE_OVER: StageNotice = {
  title: "The lease is over",
  detail: "The session has ended. Start a new one to continue.",
  action: null,
};

export const LOADING = "Loading the model…";

/** The status of a model that is visible and gains detail. */
export const REFINING = "Refining…";

export const INTERRUPTED = "The connection is interrupted; waiting for it to recover…";

/** Returns the notice for a browser that cannot show sessions. */
export function unsupported(problem: RemoraError): StageNotice {
  const detail = `${problem.message} Open this page in a current version of Chrome, Edge, Firefox or Safari.`;
  return { title: "This browser cannot show sessions", detail, action: null };
}

/**
 * Returns the notice for a connection that failed or was lost and is tried again. `certificateAt` is the address of the
 * render host if its certificate may be the reason, or null.
 */
export function reconnecting(error: RemoraError, certificateAt: string | null): StageNotice {
  const title = "Connecting again…";
  if (error.code !== "host-unreachable" || certificateAt === null)
    return { title, detail: error.message, action: null };
  const detail =
    "The render host does not answer. This browser may not trust its certificate: open the address of the host, accept the " +
    "certificate there, and return. This is not necessary if the certificate authority of this service is installed.";
  return { title, detail, action: null, link: { label: "Open the render host's address", address: certificateAt } };
}

/** Returns the warning before the end of a lease. */
export function leaseEnding(remainingMinutes: number): string {
  return `The lease of this session ends in ${minutes(Math.ceil(remainingMinutes))}. Extend it in the list of sessions.`;
}

/** Returns the notice for a closed viewer. */
export function noticeOfClose(reason: ViewerCloseReason): StageNotice {
  switch (reason.kind) {
    case "left":
      return {
        title: "Disconnected",
        detail: "The session continues; you can connect to it again from the list.",
        action: "reconnect",
      };
    case "lost":
      return { title: "The connection was lost", detail: "The render host no longer answers.", action: "reconnect" };
    case "ended":
      return noticeOfEnd(reason);
    case "failed":
      return noticeOfConnectError(reason.error);
  }
}

function noticeOfEnd({ why, message }: Extract<ViewerCloseReason, { kind: "ended" }>): StageNotice {
  switch (why) {
    case "stopped":
      return STOPPED;
    case "lease-expired":
      return LEASE_OVER;
    case "host-failed":
      return { title: "The session failed", detail: message, action: null };
    case "overrun":
      return { title: "The connection was closed", detail: message, action: "reconnect" };
  }
}

/** Returns the notice for a connection that failed for good. */
export function noticeOfConnectError(error: unknown): StageNotice {
  if (error instanceof RemoraError && error.code === "session-in-use") {
    return {
      title: "This session is in use by another client",
      detail: "A session has one client at a time. Try again when the other client has left.",
      action: "retry",
    };
  }
  return { title: "Not connected", detail: messageOf(error), action: "retry" };
}

/** Returns the notice for a session that is over, or null for a live one. */
export function noticeOfEndedSession(session: Session): StageNotice | null {
  switch (session.status) {
    case "Starting":
    case "Ready":
      return null;
    case "Stopped":
      return STOPPED;
    case "Expired":
      return LEASE_OVER;
    case "Error":
      return { title: "The session failed", detail: session.reason ?? "The service gave no reason.", action: null };
  }
}

/** Returns the message of an error. Messages of the service and of the host are meant for people. */
export function messageOf(error: unknown): string {
  if (error instanceof RemoraError && (error.code === "unauthorized" || error.code === "token-expired")) {
    return "Your sign-in is no longer accepted. Sign out, and sign in again.";
  }
  return error instanceof Error ? error.message : String(error);
}

/** Formats minutes: 59 min, 1 h, 1 h 30 min. */
export function minutes(count: number): string {
  const [hours, rest] = [Math.floor(count / 60), count % 60];
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}

/** Formats a count: 18.7 million, 200 thousand, 950. */
export function quantity(count: number): string {
  if (count >= 999_500) return `${trimmed(count / 1e6)} million`;
  if (count >= 1e4) return `${trimmed(count / 1e3)} thousand`;
  return String(count);
}

/** Formats a size: 950 B, 12 MB, 1.5 GB. */
export function bytes(count: number): string {
  if (count >= 999.5e6) return `${trimmed(count / 1e9)} GB`;
  if (count >= 999.5e3) return `${trimmed(count / 1e6)} MB`;
  if (count >= 1e3) return `${trimmed(count / 1e3)} kB`;
  return `${count} B`;
}

/** Returns the counts of a model as a sentence. */
export function summary(model: Pick<ModelLoaded, "name" | "triangles" | "points" | "parts" | "materials">): string {
  const counts = [
    model.triangles > 0n || model.points === 0n ? `${quantity(Number(model.triangles))} triangles` : "",
    model.points > 0n ? `${quantity(Number(model.points))} points` : "",
    `${model.parts} parts`,
    `${model.materials} materials`,
  ];
  return `${model.name}: ${counts.filter((count) => count !== "").join(", ")}.`;
}

/** Formats the sides of a box in metres, with three digits each. */
export function dimensions({ min, max }: Bounds): string {
  const sides = [max.x - min.x, max.y - min.y, max.z - min.z];
  return `${sides.map((side) => String(Number(side.toPrecision(3)))).join(" × ")} m`;
}

function trimmed(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0).replace(/\.0$/, "");
}
