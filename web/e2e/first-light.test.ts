/**
 * The whole system: a service that was started with `remora up`, its page in a real browser, and a visible model.
 *
 * `REMORA_CONNECTION` names the `connection.json` of the running service. Screenshots go to `test-output/`.
 */

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchBrowser } from "./browser.ts";
import {
  colours,
  coverage,
  difference,
  pointOnModel,
  type Screenshot,
  screenshotOf,
  stableScreenshotOf,
} from "./screenshot.ts";

const CONNECTION = process.env["REMORA_CONNECTION"];
const OUTPUT = join(import.meta.dirname, "../../test-output");
/** Mean difference out of 255 over the whole frame: above the noise of the codec, below a turn of some degrees. */
const CHANGED = 1.5;

/** Each test continues where the previous one ended. */
describe.skipIf(CONNECTION === undefined).sequential("first light", () => {
  let browser: Browser;
  let page: Page;
  let scratch: Page;
  let portal: string;
  let sessionId: string;
  const faults: string[] = [];

  beforeAll(async () => {
    portal = JSON.parse(readFileSync(CONNECTION ?? "", "utf8")).portal;
    mkdirSync(OUTPUT, { recursive: true });
    browser = await launchBrowser();
    scratch = await browser.newPage();
    page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        faults.push(message.text());
    });
  });

  afterAll(() => browser?.close());

  /** The row of the session of these tests, since others may be running. */
  const row = (tab: Page) => tab.getByRole("listitem").filter({ has: tab.getByTitle(sessionId, { exact: true }) });
  const look = () => stableScreenshotOf(page, scratch);
  const keep = (name: string) => page.screenshot({ path: join(OUTPUT, `${name}.png`) });
  const middle = async () => {
    const box = await page.locator("#video > *").boundingBox();
    if (box === null) throw new Error("the page shows no video");
    return { ...box, x: box.x + box.width / 2, y: box.y + box.height / 2, left: box.x, top: box.y };
  };

  /** Acts and waits until the frame changes. */
  async function change(act: () => Promise<void>): Promise<{ before: Screenshot; after: Screenshot }> {
    const before = await look();
    await act();
    await expect
      .poll(async () => difference(before, await screenshotOf(page, scratch)), { timeout: 10_000 })
      .toBeGreaterThan(CHANGED);
    return { before, after: await look() };
  }

  test("signs in with the printed address and removes the secret from it", async () => {
    await page.goto(portal);
    await page.getByRole("button", { name: "New session", disabled: false }).waitFor();
    expect(page.url()).not.toContain("secret");
  });

  test("one click leases a session and shows the model", async () => {
    await page.getByRole("button", { name: "New session" }).click();
    await page.getByText(/: .* triangles, \d+ parts/).waitFor();
    const own = page.getByRole("listitem").filter({ hasText: "Connected here" });
    sessionId = (await own.locator(".session-id").getAttribute("title")) ?? "";
    // The overlay would count as part of the model.
    await page.getByRole("button", { name: "Overlay", pressed: true }).click();
    await expect
      .poll(async () => coverage(await screenshotOf(page, scratch)), { timeout: 20_000 })
      .toBeGreaterThan(0.05);
    const screenshot = await look();
    await keep("model");
    expect(coverage(screenshot)).toBeLessThan(0.9);
    expect(colours(screenshot)).toBeGreaterThan(5);
  });

  test("a drag turns the model", async () => {
    await change(async () => {
      const { x, y } = await middle();
      await page.mouse.move(x, y);
      await page.mouse.down();
      await page.mouse.move(x + 160, y + 20, { steps: 8 });
      await page.mouse.up();
    });
    await keep("turned");
  });

  test("the wheel moves the camera nearer", async () => {
    const { before, after } = await change(async () => {
      const { x, y } = await middle();
      await page.mouse.move(x, y);
      await page.mouse.wheel(0, -400);
    });
    expect(coverage(after)).toBeGreaterThan(coverage(before));
  });

  test("F shows the whole model again", async () => {
    const { before, after } = await change(async () => {
      await page.locator("#video > *").focus();
      await page.keyboard.press("f");
    });
    expect(coverage(after)).toBeLessThan(coverage(before));
  });

  test("a double click flies to the part under the cursor", async () => {
    const at = pointOnModel(await look());
    await change(async () => {
      const { left, top, width, height } = await middle();
      await page.mouse.dblclick(left + at.x * width, top + at.y * height);
    });
    await keep("focused");
    await change(() => page.keyboard.press("Home"));
  });

  test("a click selects the part under the cursor, which can be hidden and shown again", async () => {
    const at = pointOnModel(await look());
    const { left, top, width, height } = await middle();
    await page.mouse.click(left + at.x * width, top + at.y * height);
    await page.getByText(/^Selected: ./).waitFor();
    await page.locator("#part-facts").getByText(/ m$/).waitFor();
    await keep("selected");
    // The part may be too small to change the screenshot.
    await page.getByRole("button", { name: "Hide" }).click();
    await page.getByRole("button", { name: "Show all", disabled: false }).click();
    await page.getByRole("button", { name: "Show all", disabled: true }).waitFor();
  });

  test("keys turn, move and zoom", async () => {
    await page.locator("#video > *").focus();
    for (const key of ["ArrowRight", "ArrowUp", "Shift+ArrowLeft", "+", "-"])
      await change(() => page.keyboard.press(key));
  });

  test("the overlay can be shown and hidden, and contains the statistics of a running stream", async () => {
    const overlay = page.locator("#overlay");
    await page.keyboard.press("o");
    await overlay.waitFor();
    const { x, y } = await middle();
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 300, y, { steps: 60 });
    await expect.poll(() => overlay.textContent()).toMatch(/Frames\s*[1-9]\d* fps\s+Input to frame\s*\d+ ms/);
    await page.mouse.move(x, y, { steps: 60 });
    await page.mouse.up();
    await keep("figures");
    await page.keyboard.press("o");
    await overlay.waitFor({ state: "hidden" });
  });

  test("a second client sees that the session is in use", async () => {
    const second = await (await browser.newContext()).newPage();
    await second.goto(portal);
    await row(second).getByRole("button", { name: "Connect" }).click();
    await second.getByRole("heading", { name: "This session is in use by another client" }).waitFor();
    await second.screenshot({ path: join(OUTPUT, "in-use.png") });
    await second.context().close();
    await change(() => page.keyboard.press("ArrowRight"));
  });

  test("a missing model is refused with a message, and the next one loads", async () => {
    await page.getByLabel("Address of a model file").fill("http://localhost:9/none.glb");
    await page.getByRole("button", { name: "Load" }).click();
    await page.locator("#model-message.error").waitFor();
    // The previous model is still visible.
    expect(coverage(await look())).toBeGreaterThan(0.05);
    await page.getByLabel("Available models").selectOption({ index: 0 });
    await page.getByText(/: .* triangles, \d+ parts/).waitFor();
    await expect
      .poll(async () => coverage(await screenshotOf(page, scratch)), { timeout: 20_000 })
      .toBeGreaterThan(0.05);
  });

  test("a reload connects again, to an empty scene", async () => {
    await page.reload();
    await row(page).getByRole("button", { name: "Connect" }).click();
    await page.getByText(/: .* triangles, \d+ parts/).waitFor();
    await expect
      .poll(async () => coverage(await screenshotOf(page, scratch)), { timeout: 20_000 })
      .toBeGreaterThan(0.05);
  });

  test("stopping ends the stream, and the page reports it", async () => {
    await row(page).getByRole("button", { name: "Stop" }).click();
    await page.getByRole("heading", { name: "Session stopped" }).waitFor();
    expect(await page.locator("#video > *").count()).toBe(0);
    await row(page).waitFor({ state: "detached" });
    await keep("stopped");
  });

  test("the page reported no error", () => {
    expect(faults).toEqual([]);
  });
});
