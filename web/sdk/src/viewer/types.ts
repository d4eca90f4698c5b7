/** The options, states and events of a viewer. */

import type { CameraRig } from "../camera/rig.ts";
import type { ConnectionKind } from "../connection/connection-kind.ts";
import type { FrameStatisticsSnapshot } from "../connection/frame-statistics.ts";
import type { OnProgress } from "../connection/pending-commands.ts";
import type { CloseReason } from "../connection/types.ts";
import type { RemoraError } from "../errors.ts";
import type { ModelLoaded, Notice, Statistics } from "../generated/remora/v1/connection_pb.ts";
import type { CallOptions } from "../rest/request.ts";
import type { ReadySession, SessionSize } from "../rest/session.ts";
import type { AccessToken } from "../rest/token-source.ts";
import type { VideoSink } from "../video/video-sink.ts";
import type { SelectionState } from "./selection.ts";

/** The names of the camera rigs that come with the SDK. */
export type CameraKind = "orbit" | "walk";

/** A session that a viewer leases for itself. */
export interface LeaseRequest {
  /** `Standard` if absent. */
  readonly size?: SessionSize;
  /** One hour if absent. */
  readonly minutes?: number;
  /** A random id if absent. */
  readonly id?: string;
}

/** Bounds of the video that a viewer asks for. */
export interface VideoLimits {
  /** Physical pixels per CSS pixel; the `devicePixelRatio` of the window if absent. */
  readonly pixelRatioMax?: number;
  readonly areaPixelsMax?: number;
}

/** Options of a {@link Viewer}. */
export interface ViewerOptions {
  /** An element that the viewer fills with a canvas, or the canvas or video itself. */
  readonly target: HTMLElement;
  /** The address of the service: `https://render.example.com`. */
  readonly endpoint: string;
  /** The id of the account. */
  readonly account: string;
  readonly token: AccessToken;
  /**
   * An existing session, as an id or as an answer of the service, or a request for a new one. A session that the viewer
   * leases is stopped when the viewer is closed.
   */
  readonly session: string | ReadySession | LeaseRequest;
  /** The address of a model that is loaded after connecting. */
  readonly model?: string | undefined;
  /** `orbit` if absent. */
  readonly camera?: CameraKind | CameraRig | undefined;
  readonly limits?: VideoLimits;
  /** How frames are shown; the way with the least delay if absent. */
  readonly sink?: VideoSink["kind"] | undefined;
  /** The description for screen readers; it lists the keys if absent. */
  readonly label?: string;
  /** The remaining lease at which `lease-ending` is emitted; 5 if absent. */
  readonly leaseWarningMinutes?: number;
  /** The time for which a viewer tries to connect again while the session is ready; ten minutes if absent. */
  readonly retryMilliseconds?: number;
  /** Replaces the `fetch` of the browser. */
  readonly fetch?: typeof fetch;
}

/** Options of {@link Viewer.load}. */
export interface ViewerLoadOptions extends CallOptions {
  readonly onProgress?: OnProgress;
  /** Keeps the pose of the camera instead of showing the whole model. */
  readonly keepCamera?: boolean;
}

/** Options of {@link Viewer.focus}. */
export interface FocusOptions extends CallOptions {
  /** The `timeStamp` of the input event; the current time if absent. */
  readonly inputTimeMilliseconds?: number;
}

/** The reason why a viewer is closed. */
export type ViewerCloseReason = CloseReason | { readonly kind: "failed"; readonly error: RemoraError };

/** The state of a {@link Viewer}. */
export type ViewerState =
  | { readonly kind: "idle" }
  /** The session is being created, or its state is being requested. */
  | { readonly kind: "leasing" }
  /** The render host of the session is starting. */
  | { readonly kind: "starting" }
  | { readonly kind: "connecting" }
  | { readonly kind: "connected" }
  /** Nothing arrives at present; the connection may recover by itself. */
  | { readonly kind: "interrupted" }
  /** The connection failed or was lost, and the session is still ready: the viewer tries again. */
  | { readonly kind: "reconnecting"; readonly attempt: number; readonly error: RemoraError }
  | { readonly kind: "closed"; readonly reason: ViewerCloseReason };

/** Statistics of a connected viewer. */
export interface ViewerStatistics {
  readonly frames: FrameStatisticsSnapshot;
  readonly roundTripMilliseconds: number | null;
  /** The kind of network path; null until it is known. */
  readonly connection: ConnectionKind | null;
  /** Statistics of the host; null until the first ones arrive. */
  readonly host: Statistics | null;
}

/** The progress of a load. */
export interface ViewerProgress {
  readonly uri: string;
  /** `fetching`, `decoding`, `clustering`, `uploading`; `refining` while the model is shown already. */
  readonly stage: string;
  /** 0 to 1 within the stage. */
  readonly fraction: number;
}

/** The events of a {@link Viewer}. */
export interface ViewerEvents {
  state: ViewerState;
  /** The first frame of a connection is on the screen. */
  frame: { readonly first: true };
  /**
   * A lost connection was replaced by a new one. The host has an empty scene, into which the viewer loads its model again,
   * with new ids; it hides the same parts. The application creates its own entities again, and sets transforms and names,
   * when the event `loaded` follows.
   */
  reconnected: { readonly attempts: number };
  /** About twice a second while the viewer is connected. */
  statistics: ViewerStatistics;
  /** The remaining lease, whenever its whole minutes change. */
  lease: { readonly remainingMinutes: number };
  /** The lease is about to end; once, until it is extended. */
  "lease-ending": { readonly remainingMinutes: number };
  /** The lease is over, and the viewer is closed. */
  "lease-ended": Record<string, never>;
  progress: ViewerProgress;
  /** A model is shown. */
  loaded: { readonly uri: string; readonly model: ModelLoaded };
  /** A model was not loaded; the scene is unchanged. */
  "load-failed": { readonly uri: string; readonly error: RemoraError };
  selection: SelectionState;
  /** A message for the person in front of the screen. */
  notice: Notice;
}
