/**
 * The service on one machine and the browser on another: `remora up --share` in one network namespace, Chromium in a
 * second one. It opens the address by name over TLS, signs in with account and key, and turns the engine.
 *
 * Unlike `e2e/networks.test.ts`, which rewrites candidates in a browser on the same machine, this file sends every packet
 * over a real link with a firewall, delay and loss, and so shows that addresses, certificates and ports work from elsewhere.
 *
 * `REMORA` names the executable. Screenshots go to `test-output/`.
 */

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import { difference, screenshotOf, stableScreenshotOf } from "../e2e/screenshot.ts";
import {
  MEDIA_CONFIGURATION,
  NO_MEDIA,
  NO_UDP,
  openPage,
  showTheEngine,
  signIn,
  startTurnServer,
  turnConfiguration,
  type World,
} from "./story.ts";
import { found, type Line, TwoMachines, whyNot } from "./two-machines.ts";

const REMORA = process.env["REMORA"] ?? "";
const OUTPUT = join(import.meta.dirname, "../../test-output");
/** Mean difference out of 255 over the whole frame: above the noise of the codec, below a turn of some degrees. */
const CHANGED = 1.5;

const reason = existsSync(REMORA) ? whyNot() : "REMORA names no executable";
if (reason !== undefined) console.warn(`second machine: skipped: ${reason}`);

describe.skipIf(reason !== undefined).sequential("from a second machine", () => {
  let open: TwoMachines | undefined;

  afterEach(async () => {
    await open?.close();
    open = undefined;
  });

  async function begin(label: string, line?: Line, configuration = MEDIA_CONFIGURATION): Promise<World> {
    mkdirSync(OUTPUT, { recursive: true });
    const machines = await TwoMachines.open(label, line);
    open = machines;
    const connection = await machines.up(REMORA, configuration);
    return { machines, context: await machines.browser(connection.caFile), connection };
  }

  const keep = (page: Page, name: string) => page.screenshot({ path: join(OUTPUT, `second-machine-${name}.png`) });

  test("the page opens, signs in and turns the engine", async () => {
    const { context, connection } = await begin("clean");
    const page = await openPage(context);
    await keep(page, "sign-in");
    await signIn(page, { ...connection, accountKey: "not-the-key" });
    await page.getByText("There is no such account, or the key is not its key.").waitFor();
    await keep(page, "wrong-key");
    await signIn(page, connection);
    await turnTheEngine(context, page);
    await expectConnection(page, /Connection\s*direct/i);
    await keep(page, "engine");
  });

  test("the engine turns in spite of delay, jitter and two per cent of loss", async () => {
    const { context, connection } = await begin("lossy", { delay: 20, jitter: 5, loss: 0.02 });
    const page = await openPage(context);
    await signIn(page, connection);
    await turnTheEngine(context, page);
  });

  test("the stream uses TCP if the firewall drops UDP", async () => {
    const { machines, context, connection } = await begin("tcp");
    machines.firewall(NO_UDP);
    const page = await openPage(context);
    await signIn(page, connection);
    await turnTheEngine(context, page);
    await expectConnection(page, /Connection\s*.*TCP/i);
  });

  test.skipIf(!found("turnserver"))("the stream is relayed if only a TURN server is reachable", async () => {
    const { machines, context, connection } = await begin("turn", undefined, turnConfiguration("10.231.7.1"));
    await startTurnServer(machines);
    machines.firewall(NO_MEDIA);
    const page = await openPage(context);
    await signIn(page, connection);
    await turnTheEngine(context, page);
    await expectConnection(page, /Connection\s*.*relayed/i);
    await keep(page, "relayed");
  });
});

/** Leases a session, waits for the engine, and drags until the frame changes. */
async function turnTheEngine(context: BrowserContext, page: Page): Promise<void> {
  const scratch = await showTheEngine(context, page);
  const before = await stableScreenshotOf(page, scratch);
  const box = await page.locator("#video > *").boundingBox();
  if (box === null) throw new Error("the page shows no video");
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 160, y + 20, { steps: 8 });
  await page.mouse.up();
  await expect
    .poll(async () => difference(before, await screenshotOf(page, scratch)), { timeout: 20_000 })
    .toBeGreaterThan(CHANGED);
}

/** Waits until the overlay shows this kind of connection. */
async function expectConnection(page: Page, pattern: RegExp): Promise<void> {
  const overlay = page.locator("#overlay");
  if (!(await overlay.isVisible())) await page.keyboard.press("o");
  await expect.poll(() => overlay.textContent(), { timeout: 10_000 }).toMatch(pattern);
}
