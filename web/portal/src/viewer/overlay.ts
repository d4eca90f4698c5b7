/** Figures of the running stream, in a corner of the picture; can be hidden, and is remembered so. */

import type { ConnectionKind, Statistics, ViewerStatistics } from "@remora/sdk";
import { byId } from "../page.ts";
import { bytes, minutes, quantity } from "../messages.ts";

const VISIBLE_KEY = "remora.overlay";
const UNKNOWN = "–";

const CONNECTIONS: Readonly<Record<ConnectionKind, string>> = { direct: "direct", tcp: "TCP", relayed: "relayed" };

export class Overlay {
  readonly #list = byId("overlay", HTMLDListElement);
  readonly #toggle = byId("toggle-overlay", HTMLButtonElement);
  #wanted = localStorage.getItem(VISIBLE_KEY) !== "hidden";
  #available = false;

  constructor() {
    this.#toggle.addEventListener("click", () => this.toggle());
    this.#apply();
  }

  get visible(): boolean {
    return this.#wanted && this.#available;
  }

  /** Figures exist while a client is connected. */
  setAvailable(available: boolean): void {
    this.#available = available;
    this.#apply();
  }

  toggle(): void {
    this.#wanted = !this.#wanted;
    localStorage.setItem(VISIBLE_KEY, this.#wanted ? "shown" : "hidden");
    this.#apply();
  }

  show({ frames, roundTripMilliseconds, connection, host }: ViewerStatistics): void {
    if (!this.visible) return;
    const { latest } = frames;
    this.#set("rate", `${Math.round(frames.framesPerSecond)} fps`);
    this.#set("delay", milliseconds(frames.inputToPictureMilliseconds));
    this.#set("bitrate", `${(frames.bitsPerSecond / 1e6).toFixed(1)} Mbit/s`);
    this.#set("stream", latest === null ? UNKNOWN : size(latest.picture.widthPixels, latest.picture.heightPixels));
    this.#set(
      "rendered",
      latest === null
        ? UNKNOWN
        : `${size(latest.info.renderedWidthPixels, latest.info.renderedHeightPixels)} · ${latest.info.samplesPerPixel}×`,
    );
    this.#set("round-trip", milliseconds(roundTripMilliseconds));
    this.#set("connection", connection === null ? UNKNOWN : CONNECTIONS[connection]);
    this.#showHost(host);
  }

  showLease(remainingMinutes: number): void {
    this.#set("lease", `${minutes(Math.ceil(remainingMinutes))} left`);
  }

  #showHost(host: Statistics | null): void {
    this.#set("drawn", host === null ? UNKNOWN : drawn(host));
    this.#set("scene", host === null ? UNKNOWN : quantity(Number(host.trianglesInScene + host.pointsInScene)));
    this.#set("pages", host === null ? UNKNOWN : String(host.pagesMissing));
    this.#set("memory", host === null ? UNKNOWN : memory(host));
  }

  #apply(): void {
    this.#list.hidden = !this.visible;
    this.#toggle.setAttribute("aria-pressed", String(this.#wanted));
  }

  #set(figure: string, text: string): void {
    const element = this.#list.querySelector(`[data-figure="${figure}"]`);
    if (element !== null && element.textContent !== text) element.textContent = text;
  }
}

function milliseconds(value: number | null): string {
  return value === null ? UNKNOWN : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function size(width: number, height: number): string {
  return `${width} × ${height}`;
}

/** Triangles and points of the last picture, and what the session may draw at most. */
function drawn({ primitivesDrawn, primitivesMax, primitivesOverLimit }: Statistics): string {
  const count = quantity(Number(primitivesDrawn));
  return primitivesOverLimit ? `${count}, limit ${quantity(Number(primitivesMax))}` : count;
}

function memory({ graphicsMemoryBytes, graphicsMemoryBudgetBytes }: Statistics): string {
  const used = bytes(Number(graphicsMemoryBytes));
  return graphicsMemoryBudgetBytes > 0n ? `${used} of ${bytes(Number(graphicsMemoryBudgetBytes))}` : used;
}
