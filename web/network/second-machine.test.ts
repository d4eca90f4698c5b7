/**
 * The service on one machine, a person's browser on another: `remora up --share` in one network namespace, Chromium in a
 * second one. It opens the address by name over TLS, signs in with account and key, and turns the engine.
 *
 * `REMORA` names the executable. Screenshots go to `test-output/`.
 */

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import { difference, pictureOf, restingPictureOf } from "../e2e/screenshot.ts";
import type { Connection } from "../e2e/service.ts";
import {
  MEDIA_CONFIGURATION,
  NO_MEDIA,
  NO_UDP,
  openPage,
  showTheEngine,
  signIn,
  startTurnServer,
  turnConfiguration,
} from "./story.ts";
import { found, type Line, TwoMachines, whyNot } from "./two-machines.ts";

const REMORA = process.env["REMORA"] ?? "";
const OUTPUT = join(import.meta.dirname, "../../test-output");
/** Mean difference out of 255 over the whole frame: above the noise of the codec, below a turn of some degrees. */
const CHANGED = 1.5;

const reason = existsSync(REMORA) ? whyNot() : "REMORA names no executable";
if (reason !== undefined) console.warn(`second machine: skipped: ${reason}`);

describe.skipIf(reason !== undefined).sequential("from a second machine", () => {
  let machines: TwoMachines | undefined;

  afterEach(async () => {
    await machines?.close();
    machines = undefined;
  });

  async function begin(label: string, line?: Line, configuration = MEDIA_CONFIGURATION): Promise<[BrowserContext, Connection]> {
    mkdirSync(OUTPUT, { recursive: true });
    machines = await TwoMachines.open(label, line);
    const connection = await machines.up(REMORA, configuration);
    return [await machines.browser(connection.caFile), connection];
  }

  const keep = (page: Page, name: string) => page.screenshot({ path: join(OUTPUT, `second-machine-${name}.png`) });

  test("a person opens the address, signs in and turns the engine", async () => {
    const [context, connection] = await begin("clean");
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

  test("delay, jitter and two per cent of loss are survived", async () => {
    const [context, connection] = await begin("lossy", { delay: 20, jitter: 5, loss: 0.02 });
    const page = await openPage(context);
    await signIn(page, connection);
    await turnTheEngine(context, page);
  });

  test("where UDP is dropped, the stream takes TCP", async () => {
    const [context, connection] = await begin("tcp");
    machines?.firewall(NO_UDP);
    const page = await openPage(context);
    await signIn(page, connection);
    await turnTheEngine(context, page);
    await expectConnection(page, /Connection\s*.*TCP/i);
  });

  test.skipIf(!found("turnserver"))("where only a TURN server is reachable, the stream is relayed", async () => {
    const [context, connection] = await begin("turn", undefined, turnConfiguration("10.231.7.1"));
    await startTurnServer(machines!);
    machines?.firewall(NO_MEDIA);
    const page = await openPage(context);
    await signIn(page, connection);
    await turnTheEngine(context, page);
    await expectConnection(page, /Connection\s*.*relayed/i);
    await keep(page, "relayed");
  });
});

/** Leases a session, waits for the engine, and drags until the frame is another one. */
async function turnTheEngine(context: BrowserContext, page: Page): Promise<void> {
  const scratch = await showTheEngine(context, page);
  const before = await restingPictureOf(page, scratch);
  const box = await page.locator("#picture > *").boundingBox();
  if (box === null) throw new Error("there is no picture");
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 160, y + 20, { steps: 8 });
  await page.mouse.up();
  await expect.poll(async () => difference(before, await pictureOf(page, scratch)), { timeout: 20_000 }).toBeGreaterThan(CHANGED);
}

/** The overlay says how the stream travels. */
async function expectConnection(page: Page, pattern: RegExp): Promise<void> {
  const overlay = page.locator("#overlay");
  if (!(await overlay.isVisible())) await page.keyboard.press("o");
  await expect.poll(() => overlay.textContent(), { timeout: 10_000 }).toMatch(pattern);
}
