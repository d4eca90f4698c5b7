/**
 * Entities that an application creates: a group around a loaded model, by the SDK in a real browser and on a real host.
 *
 * `REMORA_CONNECTION` names the `connection.json` of the running service, whose `listen.origins` must allow any page.
 */

import { execFile } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CommandRefused, Viewer } from "../sdk/src/index.ts";
import { launchBrowser } from "./browser.ts";
import { coverage, difference, screenshotOf, stableScreenshotOf } from "./screenshot.ts";
import { Site } from "./site.ts";

const CONNECTION = process.env["REMORA_CONNECTION"];
const OUTPUT = join(import.meta.dirname, "../../test-output");
const SDK = join(import.meta.dirname, "../sdk");
const VIDEO = "#model > *";
/** Mean difference out of 255 over the whole frame, above the noise of the codec. */
const CHANGED = 1.5;

/** Global variables of the page. */
interface Kept {
  viewer: Viewer;
  root: bigint;
  group: bigint;
}

/** Each test continues where the previous one ended. */
describe.skipIf(CONNECTION === undefined).sequential("entities of an application", () => {
  let browser: Browser;
  let page: Page;
  let scratch: Page;
  let site: Site;

  beforeAll(async () => {
    mkdirSync(OUTPUT, { recursive: true });
    await promisify(execFile)("npm", ["run", "build", "--silent"], { cwd: SDK });
    site = await Site.start(join(SDK, "dist"));
    const { endpoint, accountId: account, accountKey } = JSON.parse(readFileSync(CONNECTION ?? "", "utf8"));
    const options = JSON.stringify({ endpoint, account, session: { size: "Standard", minutes: 10 } });
    site.pages.set(
      "/page.js",
      `import { TokenSource, Viewer } from "/remora.js";
       const target = document.getElementById("model");
       const token = TokenSource.fromKey(${JSON.stringify({ endpoint, account, key: accountKey })});
       globalThis.viewer = new Viewer({ target, token, ...${options} });`,
    );
    site.pages.set("/page.css", "#model { width: 640px; height: 360px; }");
    site.pages.set(
      "/index.html",
      `<!doctype html><title>Entities</title><link rel="stylesheet" href="/page.css">
       <div id="model"></div><script type="module" src="/page.js"></script>`,
    );
    browser = await launchBrowser();
    scratch = await browser.newPage();
    // The browser does not trust the service's own certificate authority.
    page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    await page.goto(`${site.origin}/index.html`);
    await page.evaluate(async () => {
      const kept = globalThis as unknown as Kept;
      await kept.viewer.open();
      kept.root = (await kept.viewer.load("builtin://Engine?triangles=50000")).rootEntity;
    });
  }, 120_000);

  afterAll(async () => {
    // Also stops the session.
    await page?.evaluate(() => (globalThis as unknown as Kept).viewer.close()).catch(() => {});
    await browser?.close();
    site?.close();
  });

  test("a model is put into a group and moves with it", async () => {
    await expect
      .poll(async () => coverage(await screenshotOf(page, scratch, VIDEO)), { timeout: 20_000 })
      .toBeGreaterThan(0.05);
    const before = await stableScreenshotOf(page, scratch, VIDEO);
    const told = await page.evaluate(async () => {
      const kept = globalThis as unknown as Kept;
      const { connection } = kept.viewer;
      if (connection === null) throw new Error("there is no connection");
      kept.group = await connection.createEntity({ name: "Group" });
      await connection.setParent(kept.root, kept.group);
      await connection.setName(kept.root, "Left");
      const { boundsMin, boundsMax } = await connection.getEntity(kept.root);
      const x = ((boundsMax?.x ?? 0) - (boundsMin?.x ?? 0)) / 4;
      const rotation = { x: 0, y: 0, z: 0, w: 1 };
      const scale = { x: 1, y: 1, z: 1 };
      await connection.setTransform({ entity: kept.group, translation: { x, y: 0, z: 0 }, rotation, scale });
      const { path, parent, worldTranslation } = await connection.getEntity(kept.root);
      return { path, isInGroup: parent === kept.group, moved: (worldTranslation?.x ?? 0) / x };
    });
    expect(told).toEqual({ path: "Group/Left", isInGroup: true, moved: 1 });
    await expect
      .poll(async () => difference(before, await screenshotOf(page, scratch, VIDEO)), { timeout: 10_000 })
      .toBeGreaterThan(CHANGED);
    await page.screenshot({ path: join(OUTPUT, "group-moved.png") });
  });

  test("what is switched off disappears until it is switched on again", async () => {
    const enable = (enabled: boolean) =>
      page.evaluate((enabled) => {
        const { viewer, group } = globalThis as unknown as Kept;
        return viewer.connection?.setEnabled(group, enabled);
      }, enabled);
    const covered = async () => coverage(await screenshotOf(page, scratch, VIDEO));
    await enable(false);
    await expect.poll(covered, { timeout: 10_000 }).toBeLessThan(0.01);
    await enable(true);
    await expect.poll(covered, { timeout: 10_000 }).toBeGreaterThan(0.03);
  });

  test("a refused edit names its result", async () => {
    const result = await page.evaluate(() => {
      const { viewer, root, group } = globalThis as unknown as Kept;
      return viewer.connection?.setParent(group, root).catch((error: CommandRefused) => error.result);
    });
    expect(result).toEqual({ number: 603, name: "CyclicReference" });
  });

  test("destroying the group takes the model with it", async () => {
    const result = await page.evaluate(async () => {
      const { viewer, root, group } = globalThis as unknown as Kept;
      await viewer.connection?.destroyEntity(group);
      return viewer.connection?.getEntity(root).catch((error: CommandRefused) => error.result);
    });
    expect(result).toEqual({ number: 600, name: "InvalidId" });
    await expect
      .poll(async () => coverage(await screenshotOf(page, scratch, VIDEO)), { timeout: 10_000 })
      .toBeLessThan(0.01);
  });
});
