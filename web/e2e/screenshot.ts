/**
 * Looks at what is on the screen: a screenshot as a coarse grid of colours.
 *
 * Behind a model is a backdrop that is the same from left to right, so whatever differs from the edges of its own row
 * is model. An empty scene has no such cell, a frozen or black picture neither.
 */

import type { Page } from "playwright-core";

const COLUMNS = 64;
const ROWS = 36;
/** Sum over the three channels. */
const DIFFERENCE_MIN = 36;

export interface Picture {
  /** RGB per cell, row by row. */
  readonly cells: readonly (readonly [number, number, number])[];
}

/** `scratch` is a page to compute on, since Node cannot read PNG by itself. */
export async function pictureOf(page: Page, scratch: Page, selector = "#picture > *"): Promise<Picture> {
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

/** Waits until the picture rests: two looks in a row that are alike. */
export async function restingPictureOf(page: Page, scratch: Page, selector?: string): Promise<Picture> {
  const deadline = Date.now() + 15_000;
  let before = await pictureOf(page, scratch, selector);
  for (;;) {
    const now = await pictureOf(page, scratch, selector);
    if (difference(before, now) < 0.5) return now;
    if (Date.now() > deadline) throw new Error("the picture does not come to rest");
    before = now;
  }
}

/** Mean difference of two pictures per cell and channel, 0 to 255. */
export function difference(a: Picture, b: Picture): number {
  const sum = a.cells.reduce((total, cell, i) => total + apart(cell, b.cells[i]), 0);
  return sum / (3 * a.cells.length);
}

/** The part of the picture that is covered by the model, 0 to 1. */
export function coverage(picture: Picture): number {
  return modelCells(picture).length / picture.cells.length;
}

/** How many clearly different colours the model has: an untextured blob has few. */
export function colours(picture: Picture): number {
  const coarse = (channel: number | undefined) => Math.floor((channel ?? 0) / 24);
  return new Set(modelCells(picture).map((i) => picture.cells[i]?.map(coarse).join())).size;
}

/** A place on the model near to its middle: 0 to 1 from the left and from the top. */
export function pointOnModel(picture: Picture): { x: number; y: number } {
  const places = modelCells(picture).map((i) => ({ x: ((i % COLUMNS) + 0.5) / COLUMNS, y: (Math.floor(i / COLUMNS) + 0.5) / ROWS }));
  const fromMiddle = ({ x, y }: { x: number; y: number }) => Math.hypot(x - 0.5, y - 0.5);
  const nearest = places.sort((a, b) => fromMiddle(a) - fromMiddle(b))[0];
  if (nearest === undefined) throw new Error("there is no model in the picture");
  return nearest;
}

function modelCells({ cells }: Picture): number[] {
  return cells.flatMap((cell, i) => {
    const row = i - (i % COLUMNS);
    const edges = [cells[row], cells[row + COLUMNS - 1]];
    return edges.every((edge) => apart(cell, edge) >= DIFFERENCE_MIN) ? [i] : [];
  });
}

function apart(a: readonly number[], b: readonly number[] | undefined): number {
  return a.reduce((sum, channel, i) => sum + Math.abs(channel - (b?.[i] ?? 0)), 0);
}
