/** Keeps the size of the video equal to the size of its element, within limits. */

import { type Size, viewportFor } from "../connection/viewport.ts";
import type { VideoLimits } from "./types.ts";

/** A window that is being resized changes its size in every animation frame. */
const RESIZE_MILLISECONDS = 150;
/** The limit for a host that renders and encodes on its CPU. */
const AREA_PIXELS_MAX_SOFTWARE = 1280 * 720;
const AREA_PIXELS_MAX = 3840 * 2160;
const SIDE_PIXELS_MAX = 4096;

/** The properties of a host that limit its video. */
export interface HostLimits {
  readonly softwareAdapter: boolean;
  readonly viewportWidthPixelsMax: number;
  readonly viewportHeightPixelsMax: number;
}

/** Returns the size to request. Before the host is known, `host` is null and the size is limited to a small one. */
export function sizeOf(element: HTMLElement, limits: VideoLimits, host: HostLimits | null): Size {
  const ownMax = host === null || host.softwareAdapter ? AREA_PIXELS_MAX_SOFTWARE : AREA_PIXELS_MAX;
  const ratio = Math.min(devicePixelRatio, limits.pixelRatioMax ?? Number.POSITIVE_INFINITY);
  return viewportFor(element.clientWidth, element.clientHeight, ratio, {
    widthPixelsMax: host?.viewportWidthPixelsMax ?? SIDE_PIXELS_MAX,
    heightPixelsMax: host?.viewportHeightPixelsMax ?? SIDE_PIXELS_MAX,
    areaPixelsMax: Math.min(ownMax, limits.areaPixelsMax ?? ownMax),
  });
}

/** Calls back immediately and after every change of size or resolution, until `signal` is aborted. */
export function followSize(
  element: HTMLElement,
  onAspect: (aspect: number) => void,
  onSize: () => void,
  signal: AbortSignal,
): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(onSize, RESIZE_MILLISECONDS);
  };
  const observer = new ResizeObserver(() => {
    onAspect(element.clientWidth / element.clientHeight);
    settle();
  });
  observer.observe(element);
  onAspect(element.clientWidth / element.clientHeight);
  // Zooming the page or moving the window to another screen changes the resolution, often without changing the size.
  const watchResolution = () => {
    if (signal.aborted) return;
    const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    query.addEventListener(
      "change",
      () => {
        settle();
        watchResolution();
      },
      { once: true, signal },
    );
  };
  watchResolution();
  signal.addEventListener("abort", () => {
    observer.disconnect();
    clearTimeout(timer);
  });
}
