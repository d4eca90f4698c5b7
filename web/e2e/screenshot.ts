/**
 * Evaluates screenshots as coarse grids of colours.
 *
 * The backdrop of a scene is the same from left to right, so a cell that differs from the edges of its row shows the model.
 * An empty scene and a black frame have no such cell.
 */

import type { Page } from "playwright-core";

const COLUMNS = 64;
const ROWS = 36;
/** The least difference between model and backdrop, as the sum over the three channels. */
const DIFFERENCE_MIN = 36;

/** A screenshot as a grid of colours. */
export interface Screenshot {
  /** RGB per cell, row by row. */
  readonly cells: readonly (readonly [number, number, number])[];
}

/** Takes a screenshot of an element. `scratch` is a page that decodes it, because Node cannot read PNG. */
export async function screenshotOf(page: Page, scratch: Page, selector = "#video > *"): Promise<Screenshot> {
  const png = await page.locator(selector).screenshot();
  const cells = await scratch.evaluate(
    async ({ base64, columns, rows }) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
      const context = new OffscreenCanvas(columns, rows).getContext("2d");
      if (context === null) throw new Error("no 2-D context");
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, 0, 0, columns, rows);
      const { data } = context.getImageData(0, 0, columns, rows);
      return Array.from({ length: columns * rows }, (_, i): [number, number, number] => [
        data[i * 4] ?? 0,
        data[i * 4 + 1] ?? 0,
        data[i * 4 + 2] ?? 0,
      ]);
    },
    { base64: png.toString("base64"), columns: COLUMNS, rows: ROWS },
  );
  return { cells };
}

/** Waits until two consecutive screenshots are alike, and returns the last one. */
export async function stableScreenshotOf(page: Page, scratch: Page, selector?: string): Promise<Screenshot> {
  const deadline = Date.now() + 15_000;
  let before = await screenshotOf(page, scratch, selector);
  for (;;) {
    const now = await screenshotOf(page, scratch, selector);
    if (difference(before, now) < 0.5) return now;
    if (Date.now() > deadline) throw new Error("the video does not come to rest");
    before = now;
  }
}

/** Returns the mean difference of two screenshots per cell and channel, 0 to 255. */
export function difference(a: Screenshot, b: Screenshot): number {
  const sum = a.cells.reduce((total, cell, i) => total + apart(cell, b.cells[i]), 0);
  return sum / (3 * a.cells.length);
}

/** Returns the fraction of the screenshot that the model covers, 0 to 1. */
export function coverage(screenshot: Screenshot): number {
  return modelCells(screenshot).length / screenshot.cells.length;
}

/** Returns the number of clearly different colours of the model; an untextured blob has few. */
export function colours(screenshot: Screenshot): number {
  const coarse = (channel: number | undefined) => Math.floor((channel ?? 0) / 24);
  return new Set(modelCells(screenshot).map((i) => screenshot.cells[i]?.map(coarse).join())).size;
}

/** Returns a point on the model near the middle of the screenshot: 0 to 1 from the left and from the top. */
export function pointOnModel(screenshot: Screenshot): { x: number; y: number } {
  const places = modelCells(screenshot).map((i) => ({
    x: ((i % COLUMNS) + 0.5) / COLUMNS,
    y: (Math.floor(i / COLUMNS) + 0.5) / ROWS,
  }));
  const fromMiddle = ({ x, y }: { x: number; y: number }) => Math.hypot(x - 0.5, y - 0.5);
  const nearest = places.sort((a, b) => fromMiddle(a) - fromMiddle(b))[0];
  if (nearest === undefined) throw new Error("the screenshot shows no model");
  return nearest;
}

function modelCells({ cells }: Screenshot): number[] {
  return cells.flatMap((cell, i) => {
    const row = i - (i % COLUMNS);
    const edges = [cells[row], cells[row + COLUMNS - 1]];
    return edges.every((edge) => apart(cell, edge) >= DIFFERENCE_MIN) ? [i] : [];
  });
}

function apart(a: readonly number[], b: readonly number[] | undefined): number {
  return a.reduce((sum, channel, i) => sum + Math.abs(channel - (b?.[i] ?? 0)), 0);
}
