/** Opens the page of the portal with a fake service and a fake host for every test of the importing file. */

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { launchBrowser } from "./browser.ts";
import { FakeHost } from "./fake-host.ts";
import { FakeService } from "./fake-service.ts";

let browser: Browser;
export let host: FakeHost;
export let service: FakeService;
export let page: Page;
let faults: string[];

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

beforeEach(async () => {
  host = await FakeHost.open(browser);
  service = await FakeService.start(host);
  page = await open();
});

afterEach(async () => {
  await page.context().close();
  await host.close();
  service.close();
  expect(faults).toEqual([]);
});

/** Opens a new tab. Every error that it reports, violations of the security policy included, fails the test. */
async function open(): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1_100, height: 700 } });
  const tab = await context.newPage();
  faults = [];
  tab.on("pageerror", (error) => faults.push(String(error)));
  tab.on("console", (message) => {
    // An error status of the service is not an error of the page.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      faults.push(message.text());
  });
  tab.setDefaultTimeout(15_000);
  return tab;
}

/** Opens the page, leases a session, and waits until its video is visible. */
export async function connect(): Promise<void> {
  await page.goto(service.address);
  await page.getByRole("button", { name: "New session" }).click();
  await page.locator("#notice").waitFor({ state: "hidden" });
}

/** Returns a point on the part in the middle of the video, and one on the background. */
export async function places(): Promise<{ part: { x: number; y: number }; background: { x: number; y: number } }> {
  const box = await page.locator("#video > *").boundingBox();
  if (box === null) throw new Error("the page shows no video");
  const part = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  return { part, background: { x: box.x + box.width * 0.1, y: part.y } };
}

/** Returns all commands of this kind that the host has received. */
export function commandsOf<Case extends string>(name: Case) {
  return host.commands.filter((command) => command.case === name).map((command) => command.value);
}
