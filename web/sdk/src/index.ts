/**
 * Remote rendering in a browser: lease a session, connect to its host, show its pictures, move its camera.
 *
 * ```ts
 * const client = new RemoteRenderingClient({ endpoint, accountId, accessToken });
 * await client.createSession(id, { size: "Standard", maxLeaseTimeMinutes: 60 });
 * const { address } = await client.waitUntilReady(id);
 * const connection = await Connection.open({ ...address, secure: true, accessToken, viewport });
 * const sink = openVideoSink(connection.track, { onPresented: (picture) => connection.picturePresented(picture) });
 * document.body.append(sink.element);
 * await connection.loadModel("builtin://Engine?triangles=200000");
 * ```
 */

export { type CameraPose, OrbitCamera, type OrbitCameraOptions, type Ray } from "./camera/orbit-camera.ts";
export { type Bounds, type Quat, type Vec3, vec3 } from "./camera/vector.ts";
export { CommandRefused, CommandTimedOut, ConnectionClosed } from "./connection/command-ledger.ts";
export { ConnectError, type ConnectErrorCode } from "./connection/connect-error.ts";
export {
  type CloseReason,
  type Color,
  Connection,
  type ConnectionEvents,
  type ConnectionOptions,
  type ConnectionState,
  type Placement,
} from "./connection/connection.ts";
export type { PresentedPicture, ShownFrame } from "./connection/frame-ledger.ts";
export { FrameStatistics, type FrameStatisticsSnapshot, quantile } from "./connection/frame-statistics.ts";
export { type Size, viewportFor, type ViewportLimits } from "./connection/viewport.ts";
export type {
  EntityInfo,
  FrameInfo,
  LoadProgress,
  Metadata,
  ModelLoaded,
  Notice,
  Picked,
  Point,
  RayHit,
  Statistics,
  Welcome,
} from "./generated/remora/v1/connection_pb.ts";
export {
  LATENCY_MARKER_HEIGHT_PIXELS,
  LATENCY_MARKER_WIDTH_PIXELS,
  readLatencyMarker,
} from "./picture/latency-marker.ts";
export { openVideoSink, type SinkEvents, type VideoSink } from "./picture/video-sink.ts";
export { type AccessToken, RemoteRenderingClient, type RemoteRenderingClientOptions } from "./rest/client.ts";
export { RequestRefused, ServiceUnreachable, SessionNotReady } from "./rest/errors.ts";
export type { EndedSession, ReadySession, Session, SessionSize, StartingSession } from "./rest/session.ts";
