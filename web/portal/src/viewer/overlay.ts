/** Shows statistics of the stream in a corner of the video. Remembers whether a person has hidden them. */

import type { ConnectionKind, Statistics, ViewerStatistics } from "@remora/sdk";
import { bytes, minutes, quantity } from "../messages.ts";
import { byId } from "../page.ts";

const VISIBLE_KEY = "remora.overlay";
const UNKNOWN = "–";

const CONNECTIONS: Readonly<Record<ConnectionKind, string>> = { direct: "direct", tcp: "TCP", relayed: "relayed" };

/** The overlay with statistics. */
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

  /** Sets whether there are statistics, which is while a client is connected. */
  setAvailable(available: boolean): void {
    this.#available = available;
    this.#apply();
  }

  /** Shows or hides the overlay. */
  toggle(): void {
    this.#wanted = !this.#wanted;
    localStorage.setItem(VISIBLE_KEY, this.#wanted ? "shown" : "hidden");
    this.#apply();
  }

  /** Updates the statistics. */
  show({ frames, roundTripMilliseconds, connection, host }: ViewerStatistics): void {
    if (!this.visible) return;
    const { latest } = frames;
    this.#set("rate", `${Math.round(frames.framesPerSecond)} fps`);
    this.#set("delay", milliseconds(frames.inputToFrameMilliseconds));
    this.#set("bitrate", `${(frames.bitsPerSecond / 1e6).toFixed(1)} Mbit/s`);
    this.#set("stream", latest === null ? UNKNOWN : size(latest.presented.widthPixels, latest.presented.heightPixels));
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

  /** Updates the remaining lease. */
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

/** Formats the triangles and points of the most recent frame, and the limit of the session if it is exceeded. */
function drawn({ primitivesDrawn, primitivesMax, primitivesOverLimit }: Statistics): string {
  const count = quantity(Number(primitivesDrawn));
  return primitivesOverLimit ? `${count}, limit ${quantity(Number(primitivesMax))}` : count;
}

function memory({ graphicsMemoryBytes, graphicsMemoryBudgetBytes }: Statistics): string {
  const used = bytes(Number(graphicsMemoryBytes));
  return graphicsMemoryBudgetBytes > 0n ? `${used} of ${bytes(Number(graphicsMemoryBudgetBytes))}` : used;
}
