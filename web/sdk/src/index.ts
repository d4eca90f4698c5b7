/**
 * Remote rendering in a browser: leases a session, connects to its host, shows its video and moves its camera.
 *
 * A {@link Viewer} does all of this:
 *
 * ```ts
 * const viewer = await Viewer.open({
 *   target: document.querySelector("#model")!,
 *   endpoint: "https://render.example.com",
 *   account: "8d1c…",
 *   token: TokenSource.fromServer("/render-token"),
 *   session: { size: "Standard", minutes: 30 },
 *   model: "builtin://Engine?triangles=200000",
 * });
 * viewer.on("state", (state) => console.log(state.kind));
 * ```
 *
 * `@remora/sdk/element` defines the custom element `<remora-viewer>`. The parts of a viewer are also exported:
 * {@link RemoteRenderingClient} for sessions, {@link Connection} for one connection, {@link openVideoSink} for its video.
 *
 * @packageDocumentation
 */

export { OrbitCamera, type OrbitCameraOptions } from "./camera/orbit-camera.ts";
export type { CameraPose, CameraRig, Motion, Ray } from "./camera/rig.ts";
export { type Bounds, type Quat, type Vec3, vec3 } from "./camera/vector.ts";
export { WalkCamera } from "./camera/walk-camera.ts";
export { browserProblem } from "./connection/browser.ts";
export { Connection } from "./connection/connection.ts";
export type { ConnectionKind } from "./connection/connection-kind.ts";
export type { PresentedFrame, ShownFrame } from "./connection/frame-matcher.ts";
export { FrameStatistics, type FrameStatisticsSnapshot, quantile } from "./connection/frame-statistics.ts";
export type { HostAddress } from "./connection/handshake.ts";
export type { OnProgress } from "./connection/pending-commands.ts";
export type { StateOverrideEdit } from "./connection/state-overrides.ts";
export type {
  CloseReason,
  Color,
  ConnectionEvents,
  ConnectionOptions,
  ConnectionState,
  EntityTransform,
  LoadOptions,
  NewEntity,
} from "./connection/types.ts";
export { type Size, type ViewportLimits, viewportFor } from "./connection/viewport.ts";
export { CommandRefused, RemoraError, type RemoraErrorCode, RequestRefused } from "./errors.ts";
export type {
  Color as Tint,
  EffectiveState,
  EntityInfo,
  FrameInfo,
  LoadProgress,
  Metadata,
  ModelLoaded,
  Notice,
  Picked,
  Point,
  Quaternion,
  RayHit,
  StateOverride,
  Statistics,
  Vector3,
  Welcome,
} from "./generated/remora/v1/connection_pb.ts";
export {
  RemoteRenderingClient,
  type RemoteRenderingClientOptions,
  type SessionSettings,
  type WaitOptions,
} from "./rest/client.ts";
export type { IceServers } from "./rest/ice-servers.ts";
export type { CallOptions } from "./rest/request.ts";
export type {
  EndedSession,
  ReadySession,
  Session,
  SessionAddress,
  SessionCommon,
  SessionOwner,
  SessionSize,
  SessionStatus,
  StartingSession,
} from "./rest/session.ts";
export {
  type AccessToken,
  type IssuedToken,
  type TokenCallback,
  type TokenService,
  TokenSource,
} from "./rest/token-source.ts";
export type { Scheduler } from "./scheduler.ts";
export {
  LATENCY_MARKER_HEIGHT_PIXELS,
  LATENCY_MARKER_WIDTH_PIXELS,
  readLatencyMarker,
} from "./video/latency-marker.ts";
export { openVideoSink, type SinkEvents, type SinkOptions, type VideoSink } from "./video/video-sink.ts";
export { Selection, type SelectionHost, type SelectionState } from "./viewer/selection.ts";
export type {
  CameraKind,
  FocusOptions,
  LeaseRequest,
  VideoLimits,
  ViewerCloseReason,
  ViewerEvents,
  ViewerLoadOptions,
  ViewerOptions,
  ViewerProgress,
  ViewerState,
  ViewerStatistics,
} from "./viewer/types.ts";
export { Viewer } from "./viewer/viewer.ts";
