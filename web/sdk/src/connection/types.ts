/** The options, states and events of a connection. */

import type { Quat, Vec3 } from "../camera/vector.ts";
import type { LoadProgress, Notice, Statistics } from "../generated/remora/v1/connection_pb.ts";
import type { CallOptions } from "../rest/request.ts";
import type { Scheduler } from "../scheduler.ts";
import type { ShownFrame } from "./frame-matcher.ts";
import type { HostAddress } from "./handshake.ts";
import type { OnProgress } from "./pending-commands.ts";
import type { Size } from "./viewport.ts";

/** Options of {@link Connection.open}. */
export interface ConnectionOptions extends HostAddress, CallOptions {
  readonly accessToken: string;
  /** The size in which the client shows the video. */
  readonly viewport: Size;
  /** TURN servers, from {@link RemoteRenderingClient.iceServers}. */
  readonly iceServers?: readonly RTCIceServer[];
  readonly scheduler?: Scheduler;
}

/** The reason why a connection is closed. */
export type CloseReason =
  /** This client closed it. */
  | { readonly kind: "left" }
  /** The service ended the session and gave the reason. After "overrun" the session continues: this client sent too much. */
  | {
      readonly kind: "ended";
      readonly why: "stopped" | "lease-expired" | "host-failed" | "overrun";
      readonly message: string;
    }
  /** The host gave no sign of life. */
  | { readonly kind: "lost" };

/** The state of a {@link Connection}. */
export type ConnectionState =
  | { readonly kind: "connected" }
  /** Nothing arrives at present; the connection may recover. */
  | { readonly kind: "interrupted" }
  | { readonly kind: "closed"; readonly reason: CloseReason };

/** A colour in sRGB, each channel from 0 to 255. As a tint, alpha is its weight: 255 replaces the colour of the surface. */
export interface Color {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
  readonly alpha: number;
}

/** Options of {@link Connection.loadModel}. */
export interface LoadOptions extends CallOptions {
  readonly onProgress?: OnProgress | undefined;
  /** Removes all other models when this one appears. If loading fails, the scene stays as it is. */
  readonly replace?: boolean;
}

/** The transform of an entity relative to its parent. */
export interface EntityTransform {
  readonly entity: bigint;
  readonly translation: Vec3;
  readonly rotation: Quat;
  readonly scale: Vec3;
}

/** An entity to create. What is absent has its neutral value. */
export interface NewEntity {
  /** The entity above; none by default. */
  readonly parent?: bigint;
  /** At most 1024 bytes in UTF-8. */
  readonly name?: string;
  /** Relative to the parent, in metres. */
  readonly translation?: Vec3;
  /** Relative to the parent. */
  readonly rotation?: Quat;
  /** Relative to the parent. */
  readonly scale?: Vec3;
  /** False creates the entity switched off. */
  readonly enabled?: boolean;
}

/** The events of a {@link Connection}. */
export interface ConnectionEvents {
  state: ConnectionState;
  /** Statistics of the host, about once a second. */
  statistics: Statistics;
  /** A message for the person in front of the screen. */
  notice: Notice;
  /** Progress of a model that is shown already and is being refined, or that the session loads by itself. */
  progress: LoadProgress;
  /** A frame was presented, and the host's data about it have arrived. */
  frame: ShownFrame;
}
