/**
 * A connected client: sends commands and poses, and receives video, descriptions of its frames, and statistics.
 *
 *   open() ─▶ connected ⇄ interrupted ─▶ closed: left | ended by the service | lost
 *
 * Commands use the reliable channel and are answered; poses use the lossy one. A connection is used once; to reconnect, open
 * another one.
 */

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { CameraPose, Ray } from "../camera/rig.ts";
import { abortable, CommandRefused, errorOfSignal } from "../errors.ts";
import { EventEmitter } from "../events.ts";
import {
  ClientCommandSchema,
  type EntityInfo,
  FrameInfoSchema,
  type HostMessage,
  type ModelLoaded,
  type Picked,
  PoseSchema,
  type RayHit,
  type SessionEnding,
  SessionEnding_Reason,
  type Welcome,
} from "../generated/remora/v1/connection_pb.ts";
import type { CallOptions } from "../rest/request.ts";
import { browserScheduler, type Scheduler } from "../scheduler.ts";
import { type ConnectionKind, connectionKindOf } from "./connection-kind.ts";
import { FrameMatcher, type PresentedFrame } from "./frame-matcher.ts";
import { Inbox } from "./inbox.ts";
import { openPeer, type Peer } from "./peer.ts";
import { type OnProgress, PendingCommands, type ReplyResult } from "./pending-commands.ts";
import { type NumberedPose, PoseSender } from "./pose-sender.ts";
import { editMessage, type StateOverrideEdit } from "./state-overrides.ts";
import type {
  CloseReason,
  ConnectionEvents,
  ConnectionOptions,
  ConnectionState,
  EntityTransform,
  LoadOptions,
  NewEntity,
} from "./types.ts";
import type { Size } from "./viewport.ts";

/** The timeout of a command that the host answers from memory. */
const REPLY_MILLISECONDS_MAX = 10_000;
/** The longest time between two reports of progress of a model that is being loaded. */
const LOAD_SILENCE_MILLISECONDS_MAX = 60_000;
const PING_MILLISECONDS = 2_000;
/** The longest interruption before the connection counts as lost. */
const INTERRUPTION_MILLISECONDS_MAX = 6_000;
/** The longest wait for the answer to a goodbye. */
const GOODBYE_MILLISECONDS_MAX = 300;

/** The first id of entities that a client creates. The host numbers the entities of models below it. */
const FIRST_CREATED_ENTITY = 2n ** 32n;

type CommandBody = Exclude<NonNullable<MessageInitShape<typeof ClientCommandSchema>["command"]>, { case: undefined }>;

/** A connected client of a session. */
export class Connection {
  /** The host's description of itself. */
  readonly welcome: Welcome;
  /** The video. */
  readonly track: MediaStreamTrack;
  readonly #peer: Peer;
  readonly #scheduler: Scheduler;
  readonly #commands: PendingCommands;
  readonly #poses: PoseSender;
  readonly #frames = new FrameMatcher();
  readonly #events = new EventEmitter<ConnectionEvents>();
  readonly #onPageHide = () => this.#leaveAtOnce();
  #state: ConnectionState = { kind: "connected" };
  #ending: SessionEnding | null = null;
  #roundTripMilliseconds: number | null = null;
  #nextEntity = FIRST_CREATED_ENTITY;
  #cancelPing: () => void = () => {};
  #cancelInterruption: () => void = () => {};

  /** Connects to a host. Resolves when the host has sent its welcome and accepted the size of the video. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const scheduler = options.scheduler ?? browserScheduler;
    const { accessToken, iceServers = [], signal } = options;
    const inbox = new Inbox();
    const peer = await openPeer({ host: options, accessToken, iceServers, signal }, (control) => inbox.listen(control));
    const welcome = await abortable(inbox.welcome(scheduler), signal).catch((error: unknown) => {
      peer.connection.close();
      throw error;
    });
    const connection = new Connection(peer, welcome, scheduler);
    inbox.deliverTo((message) => connection.#receive(message));
    try {
      await connection.setViewport(options.viewport, { signal });
      return connection;
    } catch (error) {
      connection.#finish({ kind: "left" });
      throw error;
    }
  }

  private constructor(peer: Peer, welcome: Welcome, scheduler: Scheduler) {
    this.#peer = peer;
    this.welcome = welcome;
    this.track = peer.track;
    this.#scheduler = scheduler;
    this.#commands = new PendingCommands(scheduler);
    this.#poses = new PoseSender((pose) => this.#transmitPose(pose), scheduler);
    peer.pose.addEventListener("message", (event) => this.#receiveFrameInfo(event));
    peer.control.addEventListener("close", () => this.#end());
    peer.connection.addEventListener("connectionstatechange", () => this.#followPeer());
    globalThis.addEventListener("pagehide", this.#onPageHide);
    void this.#ping();
  }

  /** The current state. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** The round trip of the latest ping over the reliable channel; null before the first one. */
  get roundTripMilliseconds(): number | null {
    return this.#roundTripMilliseconds;
  }

  /** Subscribes to an event; the result ends the subscription. */
  on<Name extends keyof ConnectionEvents>(name: Name, listener: (event: ConnectionEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** Returns the kind of the network path, or null while there is none. */
  async kind(): Promise<ConnectionKind | null> {
    return connectionKindOf(await this.#peer.connection.getStats());
  }

  /** Returns WebRTC's counters of the video: decode times, losses, freezes. */
  videoReport(): Promise<RTCStatsReport> {
    return this.#peer.connection.getStats(this.track);
  }

  /** Requests video of this size. */
  async setViewport({ widthPixels, heightPixels }: Size, options: CallOptions = {}): Promise<void> {
    await this.#ask({ case: "setViewport", value: { widthPixels, heightPixels } }, options);
  }

  /** Adds a model to the scene, or replaces the models that are there. The host finishes an aborted load. */
  async loadModel(uri: string, options: LoadOptions = {}): Promise<ModelLoaded> {
    const command: CommandBody = { case: "loadModel", value: { uri, replace: options.replace ?? false } };
    const result = await this.#ask(command, options, LOAD_SILENCE_MILLISECONDS_MAX, options.onProgress);
    if (result.case !== "modelLoaded") throw unexpected(result);
    return result.value;
  }

  /** Removes a model: every entity that came with it, and everything below those. `rootEntity` is that of its load. */
  async unloadModel(rootEntity: bigint, options: CallOptions = {}): Promise<void> {
    await this.#ask({ case: "unloadModel", value: { rootEntity } }, options);
  }

  /** Removes all models, and created entities that stand below one. */
  async unloadAll(options: CallOptions = {}): Promise<void> {
    await this.#ask({ case: "unloadAll", value: {} }, options);
  }

  /** Returns the first hit of the ray, or null. */
  async castRay({ origin, direction }: Ray, options: CallOptions = {}): Promise<RayHit | null> {
    const result = await this.#ask({ case: "castRay", value: { origin, direction } }, options);
    switch (result.case) {
      case "rayHit":
        return result.value;
      case "rayMissed":
        return null;
      default:
        throw unexpected(result);
    }
  }

  /** Returns the part that is visible at a point of the newest frame (-1 to 1 in both directions, y up), or null. */
  async pick(x: number, y: number, options: CallOptions = {}): Promise<Picked | null> {
    const result = await this.#ask({ case: "pick", value: { x, y } }, options);
    switch (result.case) {
      case "picked":
        return result.value;
      case "rayMissed":
        return null;
      default:
        throw unexpected(result);
    }
  }

  /** Returns name, contents and metadata of an entity. */
  async getEntity(entity: bigint, options: CallOptions = {}): Promise<EntityInfo> {
    const result = await this.#ask({ case: "getEntity", value: { entity } }, options);
    if (result.case !== "entityInfo") throw unexpected(result);
    return result.value;
  }

  /**
   * Creates an entity without a mesh, as the last child of its parent, for example to group models. Returns its id. The
   * scene ends with the connection, and created entities with it.
   */
  async createEntity(
    { parent = 0n, name = "", translation, rotation, scale, enabled = true }: NewEntity = {},
    options: CallOptions = {},
  ): Promise<bigint> {
    const entity = this.#nextEntity;
    this.#nextEntity += 1n;
    const value = { entity, parent, name, translation, rotation, scale, disabled: !enabled };
    await this.#ask({ case: "createEntity", value }, options);
    return entity;
  }

  /** Destroys an entity and everything below it. A model leaves the scene with the last of its entities. */
  async destroyEntity(entity: bigint, options: CallOptions = {}): Promise<void> {
    await this.#ask({ case: "destroyEntity", value: { entity } }, options);
  }

  /**
   * Puts an entity below another one, as its last child, or makes it a root. Its transform relative to the parent stays,
   * so it moves in the world.
   */
  async setParent(entity: bigint, parent: bigint | null, options: CallOptions = {}): Promise<void> {
    await this.#ask({ case: "setParent", value: { entity, parent: parent ?? 0n } }, options);
  }

  /** Names an entity; at most 1024 bytes in UTF-8. */
  async setName(entity: bigint, name: string, options: CallOptions = {}): Promise<void> {
    await this.#ask({ case: "setName", value: { entity, name } }, options);
  }

  /** Switches an entity and everything below it on or off. What is off is neither shown nor met by rays. */
  async setEnabled(entity: bigint, enabled: boolean, options: CallOptions = {}): Promise<void> {
    await this.#ask({ case: "setEnabled", value: { entity, enabled } }, options);
  }

  /** Selects these entities and nothing else: unsets the selection of every entity and sets it for these. */
  async selectEntities(entities: readonly bigint[], options: CallOptions = {}): Promise<void> {
    await this.#ask({ case: "selectEntities", value: { entities: [...entities] } }, options);
  }

  /** Makes the same change to the state overrides of all these entities, or of none; up to 65536 entities. */
  async setStateOverrides(
    entities: readonly bigint[],
    edit: StateOverrideEdit,
    options: CallOptions = {},
  ): Promise<void> {
    const value = { entities: [...entities], edit: editMessage(edit) };
    await this.#ask({ case: "setStateOverrides", value }, options);
  }

  /** Sets the transform of an entity relative to its parent. */
  async setTransform(
    { entity, translation, rotation, scale }: EntityTransform,
    options: CallOptions = {},
  ): Promise<void> {
    await this.#ask({ case: "setTransform", value: { entity, translation, rotation, scale } }, options);
  }

  /** Sets all these transforms, in their order, or none of them; up to 65536 entities, and 256 KiB. */
  async setTransforms(transforms: readonly EntityTransform[], options: CallOptions = {}): Promise<void> {
    await this.#ask({ case: "setTransforms", value: { transforms: [...transforms] } }, options);
  }

  /** Enables or disables the latency marker: the id of the pose in the corner of every frame. */
  async setLatencyMarker(enabled: boolean, options: CallOptions = {}): Promise<void> {
    await this.#ask({ case: "setLatencyMarker", value: { enabled } }, options);
  }

  /** Sends the pose of the camera. Of several poses in quick succession, only the newest is sent. */
  sendPose(camera: CameraPose, inputTimeMilliseconds: number): void {
    if (this.#state.kind !== "closed") this.#poses.offer(camera, inputTimeMilliseconds);
  }

  /** Takes every frame that reached the screen. The events `frame` depend on it. */
  framePresented(presented: PresentedFrame): void {
    const frame = this.#frames.presented(presented);
    if (frame !== null) this.#events.emit("frame", frame);
  }

  /** Closes the connection and tells the host, which is then free for the next client immediately. */
  async close(): Promise<void> {
    if (this.#state.kind === "closed") return;
    const goodbye = this.#commands.open(GOODBYE_MILLISECONDS_MAX);
    this.#transmit(goodbye.id, { case: "goodbye", value: {} });
    // A host that closes the connection without an answer has received the goodbye as well.
    await goodbye.reply.catch(() => {});
    this.#finish({ kind: "left" });
  }

  #ask(
    command: CommandBody,
    { signal }: CallOptions = {},
    silenceMilliseconds = REPLY_MILLISECONDS_MAX,
    onProgress?: OnProgress,
  ): Promise<ReplyResult> {
    const { id, reply } = this.#commands.open(silenceMilliseconds, onProgress);
    if (signal !== undefined) this.#cancelOn(signal, id, reply);
    if (this.#state.kind === "closed") this.#commands.abandon();
    else if (signal?.aborted !== true) this.#transmit(id, command);
    return reply;
  }

  #cancelOn(signal: AbortSignal, id: number, reply: Promise<ReplyResult>): void {
    const cancel = () => this.#commands.cancel(id, errorOfSignal(signal));
    if (signal.aborted) return cancel();
    signal.addEventListener("abort", cancel, { once: true });
    const forget = () => signal.removeEventListener("abort", cancel);
    reply.then(forget, forget);
  }

  #transmit(id: number, command: CommandBody): void {
    if (this.#peer.control.readyState !== "open") return;
    this.#peer.control.send(toBinary(ClientCommandSchema, create(ClientCommandSchema, { id, command })));
  }

  #transmitPose({ id, camera, inputTimeMilliseconds }: NumberedPose): void {
    if (this.#peer.pose.readyState !== "open") return;
    const { position, orientation, verticalFieldOfView, nearPlaneMetres } = camera;
    const pose = create(PoseSchema, {
      id,
      position,
      orientation,
      verticalFieldOfView,
      nearPlaneMetres,
      inputTimeMilliseconds,
    });
    this.#peer.pose.send(toBinary(PoseSchema, pose));
  }

  #receive({ message }: HostMessage): void {
    switch (message.case) {
      case "reply":
        this.#commands.settle(message.value);
        break;
      case "loadProgress":
        if (!this.#commands.progress(message.value.id, message.value.stage, message.value.fraction)) {
          this.#events.emit("progress", message.value);
        }
        break;
      case "notice":
        this.#events.emit("notice", message.value);
        break;
      case "statistics":
        this.#events.emit("statistics", message.value);
        break;
      case "sessionEnding":
        this.#ending = message.value;
        this.#end();
        break;
      case "welcome":
      case undefined:
        // A second welcome has no effect. Messages of newer hosts that this schema does not contain are ignored.
        break;
    }
  }

  #receiveFrameInfo(event: MessageEvent<ArrayBuffer>): void {
    const info = fromBinary(FrameInfoSchema, new Uint8Array(event.data));
    this.#poses.shown(info.poseId);
    const frame = this.#frames.described(info);
    if (frame !== null) this.#events.emit("frame", frame);
  }

  /** Measures the round trip, and detects a host that no longer answers although its network works. */
  async #ping(): Promise<void> {
    const sentAt = this.#scheduler.now();
    try {
      await this.#ask({ case: "ping", value: {} });
      this.#roundTripMilliseconds = this.#scheduler.now() - sentAt;
      this.#resume();
    } catch {
      // Either the host does not answer, or the connection is closed, which this state does not change.
      this.#enter({ kind: "interrupted" });
    }
    if (this.#state.kind !== "closed")
      this.#cancelPing = this.#scheduler.after(PING_MILLISECONDS, () => void this.#ping());
  }

  #resume(): void {
    if (this.#state.kind === "interrupted" && this.#peer.connection.connectionState === "connected") {
      this.#enter({ kind: "connected" });
    }
  }

  #followPeer(): void {
    switch (this.#peer.connection.connectionState) {
      case "connected":
        this.#cancelInterruption();
        this.#resume();
        break;
      case "disconnected":
        this.#enter({ kind: "interrupted" });
        this.#cancelInterruption = this.#scheduler.after(INTERRUPTION_MILLISECONDS_MAX, () => this.#end());
        break;
      case "failed":
      case "closed":
        this.#end();
        break;
      case "new":
      case "connecting":
        break;
    }
  }

  /** Closes the connection after the host has ended it, with or without a reason. */
  #end(): void {
    this.#finish(this.#ending === null ? { kind: "lost" } : reasonOf(this.#ending));
  }

  #leaveAtOnce(): void {
    this.#transmit(0, { case: "goodbye", value: {} });
    this.#finish({ kind: "left" });
  }

  #finish(reason: CloseReason): void {
    if (this.#state.kind === "closed") return;
    globalThis.removeEventListener("pagehide", this.#onPageHide);
    this.#cancelPing();
    this.#cancelInterruption();
    this.#poses.close();
    this.#enter({ kind: "closed", reason });
    this.#commands.abandon();
    this.#peer.connection.close();
  }

  #enter(state: ConnectionState): void {
    if (this.#state.kind === "closed" || this.#state.kind === state.kind) return;
    this.#state = state;
    this.#events.emit("state", state);
  }
}

function reasonOf({ reason, message }: SessionEnding): CloseReason {
  switch (reason) {
    case SessionEnding_Reason.LEASE_EXPIRED:
      return { kind: "ended", why: "lease-expired", message };
    case SessionEnding_Reason.HOST_FAILED:
      return { kind: "ended", why: "host-failed", message };
    case SessionEnding_Reason.OVERRUN:
      return { kind: "ended", why: "overrun", message };
    case SessionEnding_Reason.STOPPED:
    case SessionEnding_Reason.UNSPECIFIED:
      return { kind: "ended", why: "stopped", message };
  }
}

function unexpected(result: ReplyResult): CommandRefused {
  return new CommandRefused(
    "Unexpected",
    `The render host answered with "${result.case}", which does not answer this command.`,
  );
}
