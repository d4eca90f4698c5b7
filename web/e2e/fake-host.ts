/**
 * Simulates a render host in a page of the browser: answers offers, streams a canvas whose colour changes, and speaks the
 * real protocol. Tests use it for refusals, endings and silence, which a real host shows only when it fails.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Browser, Page } from "playwright-core";
import {
  type ClientCommand,
  ClientCommandSchema,
  EntityInfoSchema,
  type HostMessage,
  HostMessageSchema,
  PickedSchema,
  type Reply,
  type Welcome,
} from "../sdk/src/generated/remora/v1/connection_pb.ts";

/** The functions with which the page below and this process call each other. */
interface HostPage {
  clientArrived(): void;
  fromClient(message: number[]): void;
  answer(offer: string): Promise<string>;
  send(message: number[]): void;
  hangUp(): void;
}

/** The part covers this much of the frame around its middle, in normalised coordinates. The rest is background. */
const PART_EXTENT = 0.5;
/** The only part of the scene. */
export const PART = {
  entity: 7n,
  name: "Crank pin 3",
  path: "Engine/Crankshaft/Crank pin 3",
  parent: 4n,
  materials: ["Steel", "Brass"],
  triangles: 12_500n,
  boundsMin: { x: 5_000_000, y: 0, z: -1 },
  boundsMax: { x: 5_000_000.25, y: 0.1, z: 1 },
  metadata: [
    { name: "Supplier", value: { case: "text" as const, value: "<b>Bold</b> & Sons" } },
    { name: "Mass", value: { case: "double" as const, value: 2.5 } },
    { name: "Checked", value: { case: "bool" as const, value: true } },
  ],
};

/** A running fake host. */
export class FakeHost {
  /** All commands that the host has received. */
  readonly commands: ClientCommand["command"][] = [];
  /** The message with which the host refuses models; null to load them. */
  modelRefusal: string | null = null;
  /** True to leave all commands unanswered. */
  silent = false;
  /** True to leave commands to load a model unanswered. */
  holdsModels = false;
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  static async open(browser: Browser): Promise<FakeHost> {
    const page = await (await browser.newContext()).newPage();
    const host = new FakeHost(page);
    await page.exposeFunction("fromClient", (message: number[]) => host.#receive(Uint8Array.from(message)));
    await page.exposeFunction("clientArrived", () => host.#welcome());
    await page.addInitScript(hostPage);
    await page.goto("data:text/html,<title>host</title>");
    return host;
  }

  async answer(offer: string): Promise<string> {
    return this.#page.evaluate((sdp) => (globalThis as unknown as HostPage).answer(sdp), offer);
  }

  async send(message: HostMessage["message"]): Promise<void> {
    const bytes = [...toBinary(HostMessageSchema, create(HostMessageSchema, { message }))];
    await this.#page.evaluate((data) => (globalThis as unknown as HostPage).send(data), bytes);
  }

  /** Closes the connection, like a host that exits. */
  async hangUp(): Promise<void> {
    await this.#page.evaluate(() => (globalThis as unknown as HostPage).hangUp());
  }

  async close(): Promise<void> {
    await this.#page.context().close();
  }

  #welcome(): Promise<void> {
    const value: Welcome = {
      $typeName: "remora.v1.Welcome",
      sessionId: "session",
      adapterName: "Fake adapter",
      softwareAdapter: true,
      viewportWidthPixelsMax: 4_096,
      viewportHeightPixelsMax: 4_096,
    };
    return this.send({ case: "welcome", value });
  }

  async #receive(bytes: Uint8Array): Promise<void> {
    const { id, command } = fromBinary(ClientCommandSchema, bytes);
    this.commands.push(command);
    const held = this.silent || (this.holdsModels && command.case === "loadModel");
    if (id !== 0 && !held) await this.send({ case: "reply", value: this.#reply(id, command) });
  }

  #reply(id: number, command: ClientCommand["command"]): Reply {
    const reply = (result: Reply["result"]): Reply => ({ $typeName: "remora.v1.Reply", id, result });
    const point = (value: number) => ({ $typeName: "remora.v1.Point" as const, x: value, y: value, z: value });
    switch (command.case) {
      case "loadModel":
        if (this.modelRefusal !== null) {
          const value = {
            $typeName: "remora.v1.Error" as const,
            code: "ModelNotFound",
            message: this.modelRefusal,
            result: 0,
            resultName: "",
          };
          return reply({ case: "error", value });
        }
        return reply({
          case: "modelLoaded",
          value: {
            $typeName: "remora.v1.ModelLoaded",
            rootEntity: 1n,
            name: "Engine",
            triangles: 200_000n,
            parts: 2_000,
            materials: 12,
            points: 0n,
            notices: [],
            boundsMin: point(-1),
            boundsMax: point(1),
          },
        });
      case "pick": {
        const hit = Math.max(Math.abs(command.value.x), Math.abs(command.value.y)) < PART_EXTENT;
        if (!hit) return reply({ case: "rayMissed", value: { $typeName: "remora.v1.RayMissed" } });
        const value = create(PickedSchema, {
          entity: PART.entity,
          boundsMin: PART.boundsMin,
          boundsMax: PART.boundsMax,
        });
        return reply({ case: "picked", value });
      }
      case "getEntity":
        return reply({ case: "entityInfo", value: create(EntityInfoSchema, PART) });
      default:
        return reply({ case: "done", value: { $typeName: "remora.v1.Done" } });
    }
  }
}

/** Defines the functions of the page; runs in the page. */
function hostPage(): void {
  const page = globalThis as unknown as HostPage;
  let connection: RTCPeerConnection | null = null;
  let control: RTCDataChannel | null = null;

  page.answer = async (offer) => {
    const peer = new RTCPeerConnection();
    connection = peer;
    const canvas = document.createElement("canvas");
    canvas.width = 640;
    canvas.height = 360;
    const context = canvas.getContext("2d");
    let hue = 0;
    const paint = () => {
      if (context === null || connection !== peer) return;
      hue = (hue + 3) % 360;
      context.fillStyle = `hsl(${hue} 60% 50%)`;
      context.fillRect(0, 0, canvas.width, canvas.height);
      setTimeout(paint, 50);
    };
    paint();
    peer.addEventListener("datachannel", ({ channel }) => {
      channel.binaryType = "arraybuffer";
      if (channel.label !== "control") return;
      control = channel;
      channel.addEventListener("message", (event) => page.fromClient([...new Uint8Array(event.data)]));
      const greet = () => page.clientArrived();
      if (channel.readyState === "open") greet();
      else channel.addEventListener("open", greet);
    });
    await peer.setRemoteDescription({ type: "offer", sdp: offer });
    const track = canvas.captureStream().getVideoTracks()[0];
    if (track !== undefined) peer.addTrack(track);
    await peer.setLocalDescription();
    await new Promise<void>((resolve) => {
      if (peer.iceGatheringState === "complete") return resolve();
      peer.addEventListener("icegatheringstatechange", () => {
        if (peer.iceGatheringState === "complete") resolve();
      });
    });
    return peer.localDescription?.sdp ?? "";
  };
  page.send = (message) => {
    // The client may have left already.
    if (control?.readyState === "open") control.send(Uint8Array.from(message));
  };
  page.hangUp = () => {
    connection?.close();
    connection = null;
  };
}
