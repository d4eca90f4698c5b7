/** The page against a fake service and host: what it says when things are refused, end, or break. */

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { SessionEnding_Reason } from "../sdk/src/generated/remora/v1/connection_pb.ts";
import { launchBrowser } from "./browser.ts";
import { FakeHost } from "./fake-host.ts";
import { FakeService } from "./fake-service.ts";

let browser: Browser;
let host: FakeHost;
let service: FakeService;
let page: Page;
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

/** A tab of its own; whatever it reports as an error, violations of the security policy included, fails the test. */
async function open(): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1_100, height: 700 } });
  const tab = await context.newPage();
  faults = [];
  tab.on("pageerror", (error) => faults.push(String(error)));
  tab.on("console", (message) => {
    // A refusal of the service is no fault of the page.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(message.text());
  });
  tab.setDefaultTimeout(15_000);
  return tab;
}

async function connect(): Promise<void> {
  await page.goto(service.address);
  await page.getByRole("button", { name: "New session" }).click();
  await page.locator("#notice").waitFor({ state: "hidden" });
}

test("signs in by the address, hides the secret, and survives a reload", async () => {
  await page.goto(service.address);
  await page.getByRole("button", { name: "New session", disabled: false }).waitFor();
  expect(page.url()).toBe(`${service.origin}/`);
  await page.reload();
  await page.getByRole("button", { name: "New session", disabled: false }).waitFor();
});

test.each(["", "#secret=wrong"])("says what to do when the address ends in %j", async (fragment) => {
  await page.goto(`${service.origin}/${fragment}`);
  await page.getByRole("heading", { name: "Not signed in" }).waitFor();
  await page.getByText("Open the address that “remora up” printed").waitFor();
  expect(await page.getByRole("button", { name: "New session" }).isDisabled()).toBe(true);
});

test("leases, connects, loads the default model and shows pictures", async () => {
  await connect();
  await page.getByText("Engine: 200 thousand triangles, 2000 parts, 12 materials.").waitFor();
  await page.getByText("Connected · Fake adapter").waitFor();
  const loaded = host.commands.find((command) => command.case === "loadModel");
  expect(loaded?.value).toMatchObject({ uri: "builtin://Engine?triangles=200000" });
  const viewport = host.commands.find((command) => command.case === "setViewport")?.value;
  const canvas = await page.locator("#picture > *").boundingBox();
  expect(viewport).toMatchObject({ widthPixels: canvas?.width, heightPixels: Math.floor((canvas?.height ?? 0) / 2) * 2 });
  expect([...service.sessions.keys()][0]).toMatch(/^portal-[0-9a-f-]{36}$/);
});

test("loads another model by choice and by address, and says why one is refused", async () => {
  await connect();
  await page.getByLabel("Offered here").selectOption("builtin://Engine?triangles=50000");
  await expect
    .poll(() => host.commands.filter((command) => command.case === "loadModel").at(-1)?.value)
    .toMatchObject({ uri: "builtin://Engine?triangles=50000" });
  host.modelRefusal = "There is no file at https://example.org/no.glb.";
  await page.getByLabel("Address of a GLB file").fill("https://example.org/no.glb");
  await page.getByRole("button", { name: "Load" }).click();
  await page.getByText("There is no file at https://example.org/no.glb.").waitFor();
});

test("says that the session was stopped, and forgets it", async () => {
  await connect();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("heading", { name: "Session stopped" }).waitFor();
  await page.getByText("No session is running.").waitFor();
  expect(await page.locator("#picture > *").count()).toBe(0);
});

test("tells the second client that the session is in use, and lets it try again", async () => {
  await connect();
  const second = page;
  service.inUse = true;
  await second.reload();
  await second.getByRole("button", { name: "Connect" }).click();
  await second.getByRole("heading", { name: "This session is in use by another client" }).waitFor();
  service.inUse = false;
  await second.getByRole("button", { name: "Try again" }).click();
  await second.locator("#notice").waitFor({ state: "hidden" });
});

test("says that the connection was lost, and reconnects", async () => {
  await connect();
  await host.hangUp();
  await page.getByRole("heading", { name: "The connection was lost" }).waitFor();
  await page.getByRole("button", { name: "Reconnect" }).click();
  await page.locator("#notice").waitFor({ state: "hidden" });
});

test("says that nothing is heard of a host that does nothing any more, and when it is back", async () => {
  await connect();
  host.silent = true;
  await page.getByText("The connection is interrupted").waitFor({ timeout: 20_000 });
  host.silent = false;
  await page.getByText("Connected · Fake adapter").waitFor();
});

test("says why the session failed when its host is gone without a word", async () => {
  await connect();
  service.fail("The render host crashed.");
  await page.getByRole("heading", { name: "The session failed" }).waitFor();
  await page.getByText("The render host crashed.").waitFor();
});

test("says that the lease is over", async () => {
  await connect();
  await host.send({
    case: "sessionEnding",
    value: { $typeName: "remora.v1.SessionEnding", reason: SessionEnding_Reason.LEASE_EXPIRED, message: "over" },
  });
  await page.getByRole("heading", { name: "The lease is over" }).waitFor();
});

test("says why a session failed to start", async () => {
  service.startFailure = "No Vulkan driver was found.";
  await page.goto(service.address);
  await page.getByRole("button", { name: "New session" }).click();
  await page.getByRole("heading", { name: "The session failed" }).waitFor();
  await page.getByText("No Vulkan driver was found.").waitFor();
});

test("extends a lease", async () => {
  await connect();
  await page.getByRole("button", { name: "Extend 30 min" }).click();
  await page.getByText("Standard · 1 h 30 min left of 1 h 30 min").waitFor();
});

test("says that the service does not answer", async () => {
  await page.goto(service.address);
  await page.getByRole("button", { name: "New session", disabled: false }).waitFor();
  service.close();
  await page.getByRole("button", { name: "New session" }).click();
  await page.getByRole("heading", { name: "No session" }).waitFor();
});

test("takes leave when the page goes away, so that the session is free at once", async () => {
  await connect();
  await page.reload();
  await expect.poll(() => host.commands.some((command) => command.case === "goodbye")).toBe(true);
});

test("toggles the figures by button and key, and remembers it", async () => {
  await connect();
  const overlay = page.locator("#overlay");
  await overlay.waitFor();
  await page.locator("#picture > *").focus();
  await page.keyboard.press("o");
  await overlay.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Overlay" }).click();
  await overlay.waitFor();
  await page.locator("#picture > *").focus();
  await page.keyboard.press("o");
  await page.getByRole("button", { name: "Overlay", pressed: false }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByRole("button", { name: "Overlay", pressed: false }).waitFor();
  expect(await overlay.isVisible()).toBe(false);
});

test("fits on the screen of a telephone", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await connect();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(360);
});
