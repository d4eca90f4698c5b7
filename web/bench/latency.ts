/**
 * The in-page half of the latency benchmark. It reads the host's marker from the presented pixels, so that the results do
 * not depend on what the protocol reports. The page loads it under `?bench` only; `latency.mjs` drives it.
 */

import {
  type FrameInfo,
  LATENCY_MARKER_HEIGHT_PIXELS,
  LATENCY_MARKER_WIDTH_PIXELS,
  quantile,
  readLatencyMarker,
  type ShownFrame,
  type Viewer,
} from "@remora/sdk";

const STEP_MILLISECONDS_MAX = 5_000;
/** A pose stands for all inputs within this time, and names the oldest. */
const COALESCED_MILLISECONDS_MAX = 5;
/** A synthetic step moves as far as a drag in this time. */
const STEP_OF_PATH_MILLISECONDS = 40;
/** The largest number of frames that wait for their other half. */
const WAITING_FRAMES_MAX = 256;

/** The delay from one input to the first presented frame that shows it; milliseconds. */
export interface Step {
  readonly inputToPresented: number;
  readonly stages: Stages;
}

/** The stages of a delay; milliseconds. */
export interface Stages {
  readonly wait: number;
  readonly render: number;
  readonly convert: number;
  readonly encode: number;
  /** From painting to the next animation frame. */
  readonly present: number;
  /** The rest: event dispatch, both ways through the network, jitter buffer, decoding, painting. */
  readonly transportAndDecode: number;
}

/** The results of orbiting; times are medians in milliseconds. */
export interface OrbitResult {
  readonly framesPerSecond: number;
  readonly inputToPresented: number | null;
  readonly inputToPresentedP95: number | null;
  readonly decode: number | null;
  readonly jitterBuffer: number | null;
  readonly renderedWidthPixels: number;
  readonly renderedHeightPixels: number;
  /** The stages of the host. */
  readonly stages: Pick<Stages, "wait" | "render" | "convert" | "encode">;
}

/** The delays after a drag that stopped; milliseconds. */
export interface Rest {
  /** From the last input to the first presented frame in full: every pixel rendered, with four samples. */
  readonly inputToFull: number;
  /** From the last input to the first presented frame that shows it. */
  readonly inputToPresented: number;
  /** The stages of the frame in full. Its `wait` is zero, because the host waits on purpose. */
  readonly stages: Stages;
}

/** A presented frame whose marker was read. */
interface Presented {
  readonly poseId: number;
  readonly paintedMilliseconds: number;
  readonly presentedMilliseconds: number;
}

/** Measures the delays of one viewer. */
export class LatencyProbe {
  readonly viewer: Viewer;
  /** The number of frames whose marker was not the pose that the host named for them; anything but 0 is a bug. */
  mismatches = 0;
  readonly #scratch: CanvasRenderingContext2D;
  readonly #presented = new Map<number, Presented>();
  readonly #infos = new Map<number, FrameInfo>();
  readonly #shown = new EventTarget();
  #poseId = 0;
  #inputMilliseconds = 0;
  /** The time that synthetic events have moved for. */
  #draggedMilliseconds = 0;

  constructor(viewer: Viewer) {
    this.viewer = viewer;
    const canvas = document.createElement("canvas");
    canvas.width = LATENCY_MARKER_WIDTH_PIXELS;
    canvas.height = LATENCY_MARKER_HEIGHT_PIXELS;
    const scratch = canvas.getContext("2d", { willReadFrequently: true });
    if (scratch === null) throw new Error("no 2-D context to read the marker with");
    this.#scratch = scratch;
    viewer.onPainted = (rtpTimestamp) => this.#painted(rtpTimestamp);
    viewer.connection?.on("frame", (frame) => this.#described(frame));
    const remember = (event: Event) => {
      this.#inputMilliseconds = event.timeStamp;
    };
    const move = "onpointerrawupdate" in viewer.element ? "pointerrawupdate" : "pointermove";
    viewer.element.addEventListener(move, remember, { capture: true });
  }

  get sinkKind(): string | undefined {
    return this.viewer.sink?.kind;
  }

  /** Enables the marker. */
  async start(): Promise<void> {
    await this.viewer.setMarker(true);
  }

  /** Call this before an input. Resolves with the first presented frame that shows it. */
  nextStep(): Promise<Step> {
    const before = this.#poseId;
    return new Promise((resolve, reject) => {
      const done = new AbortController();
      const timer = setTimeout(() => {
        done.abort();
        reject(new Error(`no frame showed the input within ${STEP_MILLISECONDS_MAX} ms`));
      }, STEP_MILLISECONDS_MAX);
      this.#shown.addEventListener(
        "shown",
        (event) => {
          const { presented, info } = (event as CustomEvent<{ presented: Presented; info: FrameInfo }>).detail;
          if (presented.poseId <= before) return;
          clearTimeout(timer);
          done.abort();
          resolve(step(this.#inputMilliseconds, presented, info));
        },
        { signal: done.signal },
      );
    });
  }

  /** Moves a little, by a synthetic event. Resolves with the first presented frame that shows it. */
  async syntheticStep(): Promise<Step> {
    const step = this.nextStep();
    this.#draggedMilliseconds += STEP_OF_PATH_MILLISECONDS;
    this.#move(this.#draggedMilliseconds);
    return step;
  }

  /** Drags back and forth, one synthetic event per animation frame, while the button of the real mouse is held down. */
  async orbit(milliseconds: number): Promise<OrbitResult> {
    const shown: { presented: Presented; info: FrameInfo }[] = [];
    const done = new AbortController();
    this.#shown.addEventListener("shown", (event) => shown.push((event as CustomEvent).detail), {
      signal: done.signal,
    });
    const before = await this.#videoCounters();
    const start = performance.now();
    await this.#drag(milliseconds);
    done.abort();
    const seconds = (performance.now() - start) / 1_000;
    const after = await this.#videoCounters();
    const delays = shown.map(({ presented, info }) => presented.presentedMilliseconds - info.inputTimeMilliseconds);
    const median = (pick: (info: FrameInfo) => number) =>
      (quantile(
        shown.map(({ info }) => pick(info)),
        0.5,
      ) ?? 0) / 1_000;
    return {
      framesPerSecond: new Set(shown.map(({ presented }) => presented.poseId)).size / seconds,
      inputToPresented: quantile(delays, 0.5),
      inputToPresentedP95: quantile(delays, 0.95),
      decode: perFrame(before.decode, after.decode),
      jitterBuffer: perFrame(before.jitterBuffer, after.jitterBuffer),
      renderedWidthPixels: shown.at(-1)?.info.renderedWidthPixels ?? 0,
      renderedHeightPixels: shown.at(-1)?.info.renderedHeightPixels ?? 0,
      stages: {
        wait: median((info) => info.waitMicroseconds),
        render: median((info) => info.renderMicroseconds),
        convert: median((info) => info.convertMicroseconds),
        encode: median((info) => info.encodeMicroseconds),
      },
    };
  }

  /** Drags like {@link orbit}, stops, and resolves when a frame in full shows the last input. */
  async dragToRest(milliseconds: number): Promise<Rest> {
    const done = new AbortController();
    const shown: { presented: Presented; info: FrameInfo }[] = [];
    let arrived: () => void = () => {};
    this.#shown.addEventListener(
      "matched",
      (event) => {
        shown.push((event as CustomEvent).detail);
        arrived();
      },
      { signal: done.signal },
    );
    await this.#drag(milliseconds);
    const input = this.#inputMilliseconds;
    const end = performance.now() + STEP_MILLISECONDS_MAX;
    for (;;) {
      const showing = shown.filter(({ info }) => info.inputTimeMilliseconds > input - COALESCED_MILLISECONDS_MAX);
      const full = showing.find(({ info }) => this.#isFull(info));
      if (full !== undefined && showing[0] !== undefined) {
        done.abort();
        const inputToPresented = showing[0].presented.presentedMilliseconds - input;
        const { inputToPresented: inputToFull, stages } = step(input, full.presented, full.info);
        return { inputToFull, inputToPresented, stages };
      }
      const left = end - performance.now();
      if (left <= 0) {
        done.abort();
        const last = JSON.stringify(shown.at(-1));
        throw new Error(
          `no frame in full showed the input of ${input} within ${STEP_MILLISECONDS_MAX} ms, but ${last}`,
        );
      }
      await new Promise<void>((resolve) => {
        arrived = resolve;
        setTimeout(resolve, left);
      });
    }
  }

  /** Returns whether the host rendered every pixel of the video with four samples. */
  #isFull({ renderedWidthPixels, renderedHeightPixels, samplesPerPixel }: FrameInfo): boolean {
    const { element } = this.viewer;
    const [width, height] =
      element instanceof HTMLVideoElement ? [element.videoWidth, element.videoHeight] : [element.width, element.height];
    return samplesPerPixel === 4 && renderedWidthPixels >= width && renderedHeightPixels >= height;
  }

  /** Moves along a smooth path, one synthetic event per animation frame. Continues where the last call stopped. */
  async #drag(milliseconds: number): Promise<void> {
    const start = performance.now();
    await new Promise<void>((resolve) => {
      const drag = () => {
        const elapsed = performance.now() - start;
        if (elapsed > milliseconds) return resolve();
        this.#move(this.#draggedMilliseconds + elapsed);
        requestAnimationFrame(drag);
      };
      drag();
    });
    this.#draggedMilliseconds += milliseconds;
  }

  /** Moves the pointer to where it is on its path after this time. */
  #move(milliseconds: number): void {
    const { element } = this.viewer;
    const box = element.getBoundingClientRect();
    const move = "onpointerrawupdate" in element ? "pointerrawupdate" : "pointermove";
    const clientX = box.left + box.width * (0.5 + 0.3 * Math.sin(milliseconds / 800));
    const clientY = box.top + box.height * (0.5 + 0.1 * Math.sin(milliseconds / 500));
    element.dispatchEvent(new PointerEvent(move, { pointerId: 1, clientX, clientY, buttons: 1, bubbles: true }));
  }

  #painted(rtpTimestamp: number): void {
    const [width, height] = [LATENCY_MARKER_WIDTH_PIXELS, LATENCY_MARKER_HEIGHT_PIXELS];
    this.#scratch.drawImage(this.viewer.element, 0, 0, width, height, 0, 0, width, height);
    const poseId = readLatencyMarker(this.#scratch.getImageData(0, 0, width, height).data);
    if (poseId === null) return;
    const paintedMilliseconds = performance.now();
    requestAnimationFrame(() => {
      const presented = { poseId, paintedMilliseconds, presentedMilliseconds: performance.now() };
      this.#presented.set(rtpTimestamp, presented);
      this.#match(rtpTimestamp);
    });
  }

  #described({ info }: ShownFrame): void {
    this.#infos.set(info.rtpTimestamp, info);
    this.#match(info.rtpTimestamp);
  }

  #match(rtpTimestamp: number): void {
    const presented = this.#presented.get(rtpTimestamp);
    const info = this.#infos.get(rtpTimestamp);
    if (presented === undefined || info === undefined) return;
    for (const map of [this.#presented, this.#infos]) {
      map.delete(rtpTimestamp);
      if (map.size > WAITING_FRAMES_MAX) map.clear();
    }
    if (presented.poseId !== info.poseId) this.mismatches += 1;
    this.#shown.dispatchEvent(new CustomEvent("matched", { detail: { presented, info } }));
    if (presented.poseId <= this.#poseId) return;
    this.#poseId = presented.poseId;
    this.#shown.dispatchEvent(new CustomEvent("shown", { detail: { presented, info } }));
  }

  async #videoCounters() {
    const stats = [...((await this.viewer.connection?.videoReport()) ?? new Map()).values()].find(
      (entry) => entry.type === "inbound-rtp",
    );
    return {
      decode: { seconds: Number(stats?.totalDecodeTime ?? 0), count: Number(stats?.framesDecoded ?? 0) },
      jitterBuffer: {
        seconds: Number(stats?.jitterBufferDelay ?? 0),
        count: Number(stats?.jitterBufferEmittedCount ?? 0),
      },
    };
  }
}

/** Makes a probe of the viewer available to `latency.mjs`. */
export function instrument(viewer: Viewer): void {
  (globalThis as { remora?: LatencyProbe }).remora = new LatencyProbe(viewer);
}

function step(inputMilliseconds: number, presented: Presented, info: FrameInfo): Step {
  const inputToPresented = presented.presentedMilliseconds - inputMilliseconds;
  const host = {
    wait: info.waitMicroseconds / 1_000,
    render: info.renderMicroseconds / 1_000,
    convert: info.convertMicroseconds / 1_000,
    encode: info.encodeMicroseconds / 1_000,
  };
  const present = presented.presentedMilliseconds - presented.paintedMilliseconds;
  const known = host.wait + host.render + host.convert + host.encode + present;
  return { inputToPresented, stages: { ...host, present, transportAndDecode: inputToPresented - known } };
}

function perFrame(
  before: { seconds: number; count: number },
  after: { seconds: number; count: number },
): number | null {
  const count = after.count - before.count;
  return count === 0 ? null : ((after.seconds - before.seconds) * 1_000) / count;
}
