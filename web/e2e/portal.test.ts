/** The page against a fake service and host: what it says when things are refused, end, or break. */

import { create } from "@bufbuild/protobuf";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  FlagEdit,
  NoticeSchema,
  SessionEnding_Reason,
  StatisticsSchema,
} from "../sdk/src/generated/remora/v1/connection_pb.ts";
import { launchBrowser } from "./browser.ts";
import { FakeHost, PART } from "./fake-host.ts";
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
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      faults.push(message.text());
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
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.getByText("the address that “remora up” print").first().waitFor();
  expect(await page.getByRole("button", { name: "New session" }).isVisible()).toBe(false);
});

test("leases, connects, loads the default model and shows pictures", async () => {
  await connect();
  await page.getByText("Engine: 200 thousand triangles, 2000 parts, 12 materials.").waitFor();
  await page.getByText("Connected · Fake adapter").waitFor();
  const loaded = host.commands.find((command) => command.case === "loadModel");
  expect(loaded?.value).toMatchObject({ uri: "builtin://Engine?triangles=200000" });
  const viewport = host.commands.find((command) => command.case === "setViewport")?.value;
  const canvas = await page.locator("#video > *").boundingBox();
  expect(viewport).toMatchObject({
    widthPixels: canvas?.width,
    heightPixels: Math.floor((canvas?.height ?? 0) / 2) * 2,
  });
  expect([...service.sessions.keys()][0]).toMatch(/^portal-[0-9a-f-]{36}$/);
});

test("loads another model by choice and by address, and says why one is refused", async () => {
  await connect();
  await page.getByLabel("Available models").selectOption("builtin://Engine?triangles=50000");
  await expect
    .poll(() => host.commands.filter((command) => command.case === "loadModel").at(-1)?.value)
    .toMatchObject({ uri: "builtin://Engine?triangles=50000", replace: true });
  host.modelRefusal = "There is no file at https://example.org/no.glb.";
  await page.getByLabel("Address of a model file").fill("https://example.org/no.glb");
  await page.getByRole("button", { name: "Load" }).click();
  await page.getByText("There is no file at https://example.org/no.glb.").waitFor();
  // The scene stays: nothing was unloaded for a model that did not come.
  expect(commandsOf("unloadAll")).toEqual([]);
});

test("says that the session was stopped, and forgets it", async () => {
  await connect();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("heading", { name: "Session stopped" }).waitFor();
  await page.getByText("No session is running.").waitFor();
  expect(await page.locator("#video > *").count()).toBe(0);
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

test("connects again by itself when the connection is lost, and loads the model again", async () => {
  await connect();
  await page.getByText("Engine: 200 thousand triangles, 2000 parts, 12 materials.").waitFor();
  await host.hangUp();
  await page.getByRole("heading", { name: "Connecting again…" }).waitFor();
  await page.locator("#notice").waitFor({ state: "hidden" });
  await expect.poll(() => commandsOf("loadModel").length).toBe(2);
});

test("hides the same parts again after the connection was lost", async () => {
  await connect();
  await page.getByText("Engine: 200 thousand triangles, 2000 parts, 12 materials.").waitFor();
  await page.locator("#video canvas").click();
  await page.getByRole("button", { name: "Hide" }).click();
  await expect.poll(() => commandsOf("setStateOverrides")).toMatchObject([HIDE]);
  await host.hangUp();
  await expect.poll(() => commandsOf("setStateOverrides").length, { timeout: 10_000 }).toBe(2);
  expect(commandsOf("setStateOverrides")[1]).toMatchObject(HIDE);
  await page.getByRole("button", { name: "Show all", disabled: false }).click();
  await expect.poll(() => commandsOf("setStateOverrides").at(-1)).toMatchObject(SHOW);
});

test("of two sessions that are chosen in quick succession the last one is connected to, and no other", async () => {
  for (const id of ["first", "second"])
    service.sessions.set(id, { status: "Ready", maxLeaseTimeMinutes: 60, asked: 0 });
  await connect();
  await page.getByRole("listitem").nth(2).waitFor();
  expect(service.handshakes).toBe(1);
  const last = await page.evaluate(() => {
    const ready = [...document.querySelectorAll("#sessions > li")].filter(
      (item) => item.querySelector(".session-status")?.textContent === "Ready",
    );
    for (const item of ready) item.querySelector("button")?.click();
    return ready.at(-1)?.querySelector(".session-id")?.textContent ?? "";
  });
  await page.locator("#notice").waitFor({ state: "hidden" });
  await page.getByText("Connected here").waitFor();
  expect(service.handshakes).toBe(2);
  const chosen = page.getByRole("listitem").filter({ hasText: last });
  expect(await chosen.getByText("Connected here").count()).toBe(1);
});

test("a model that was on its way when the connection was lost is loaded by the next one", async () => {
  host.holdsModels = true;
  await connect();
  await expect.poll(() => commandsOf("loadModel").length).toBe(1);
  host.holdsModels = false;
  await host.hangUp();
  await page.getByText("Engine: 200 thousand triangles, 2000 parts, 12 materials.").waitFor();
});

test("stops trying when the session is over, and says why it ended", async () => {
  service.handshakeFailures = Number.POSITIVE_INFINITY;
  await page.goto(service.address);
  await page.getByRole("button", { name: "New session" }).click();
  await page.getByRole("heading", { name: "Connecting again…" }).waitFor();
  await page.getByText("The render host does not answer").waitFor();
  service.fail("The machine was taken away.");
  await page.getByRole("heading", { name: "The session failed" }).waitFor();
  await page.getByText("The machine was taken away.").waitFor();
  const { handshakes } = service;
  await page.getByText("No session is running.").waitFor();
  expect(service.handshakes).toBe(handshakes);
});

test("tries again while the session is ready, although its host does not answer at first", async () => {
  service.handshakeFailures = 2;
  await connect();
  expect(service.handshakes).toBe(3);
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

/** The middle of the picture, and a place beside the part that is there. */
async function places(): Promise<{ part: { x: number; y: number }; nothing: { x: number; y: number } }> {
  const box = await page.locator("#video > *").boundingBox();
  if (box === null) throw new Error("there is no picture");
  const part = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  return { part, nothing: { x: box.x + box.width * 0.1, y: part.y } };
}

const HIDE = { entities: [PART.entity], edit: { visible: FlagEdit.OFF } };
const SHOW = { entities: [PART.entity], edit: { visible: FlagEdit.UNSET } };

function commandsOf<Case extends string>(name: Case) {
  return host.commands.filter((command) => command.case === name).map((command) => command.value);
}

test("a click selects the part under it and says what is known of it; beside it, or by Escape, nothing is selected", async () => {
  await connect();
  const { part, nothing } = await places();
  const message = page.locator("#part-message");
  await page.mouse.click(part.x, part.y);
  await page.getByText("Selected: Crank pin 3").waitFor();
  expect(commandsOf("pick").at(-1)).toMatchObject({ x: expect.closeTo(0, 1), y: expect.closeTo(0, 1) });
  expect(commandsOf("selectEntities").at(-1)).toMatchObject({ entities: [PART.entity] });
  const panel = page.getByRole("region", { name: "Part" });
  const facts = await panel.locator("#part-facts > div").allTextContents();
  expect(facts).toEqual([
    "NameCrank pin 3",
    "PathEngine/Crankshaft/Crank pin 3",
    "MaterialsSteel, Brass",
    "Triangles12.5 thousand",
    "Size0.25 × 0.1 × 2 m",
  ]);
  const metadata = await panel.locator("#part-metadata > div").allTextContents();
  expect(metadata).toEqual(["Supplier<b>Nobody</b> & Sons", "Mass2.5", "Checkedyes"]);

  await page.mouse.click(nothing.x, nothing.y);
  await page.getByText("Click a part of the model to select it.").waitFor();
  expect(commandsOf("selectEntities").at(-1)).toMatchObject({ entities: [] });
  await page.mouse.click(part.x, part.y);
  await expect.poll(() => message.textContent()).toContain("Crank pin 3");
  await page.keyboard.press("Escape");
  await expect.poll(() => message.textContent()).toContain("Click a part");
  expect(commandsOf("selectEntities").at(-1)).toMatchObject({ entities: [] });
});

test("a drag turns the model and selects nothing", async () => {
  await connect();
  const { part } = await places();
  await page.mouse.move(part.x, part.y);
  await page.mouse.down();
  await page.mouse.move(part.x + 40, part.y, { steps: 4 });
  await page.mouse.up();
  // Commands keep their order: what the drag had asked for would come before this.
  await page.mouse.click(part.x, part.y);
  await page.getByText("Selected: Crank pin 3").waitFor();
  expect(commandsOf("pick")).toHaveLength(1);
});

test("hides the selected part, and shows everything again", async () => {
  await connect();
  const { part } = await places();
  const [hide, showAll] = [page.getByRole("button", { name: "Hide" }), page.getByRole("button", { name: "Show all" })];
  expect(await hide.isDisabled()).toBe(true);
  await page.mouse.click(part.x, part.y);
  await hide.click();
  await page.getByText("Click a part of the model to select it.").waitFor();
  await expect.poll(() => commandsOf("setStateOverrides")).toMatchObject([HIDE]);
  await showAll.click();
  await expect.poll(() => commandsOf("setStateOverrides").at(-1)).toMatchObject(SHOW);
  expect(await showAll.isDisabled()).toBe(true);
});

test("a double click asks for the part under it", async () => {
  await connect();
  const { part } = await places();
  await page.mouse.dblclick(part.x, part.y);
  await expect.poll(() => commandsOf("pick").length).toBe(3);
});

test("says that the model is being refined after it is shown", async () => {
  await connect();
  const summary = "Engine: 200 thousand triangles, 2000 parts, 12 materials.";
  await page.getByText(summary).waitFor();
  const refining = (fraction: number) =>
    host.send({
      case: "loadProgress",
      value: { $typeName: "remora.v1.LoadProgress", id: 99, stage: "refining", fraction },
    });
  await refining(0.4);
  await page.getByText(`${summary} Refining…`).waitFor();
  expect(await page.locator("#model-progress").evaluate((bar: HTMLProgressElement) => bar.value)).toBeCloseTo(0.4);
  await refining(1);
  await expect.poll(() => page.locator("#model-message").textContent()).toBe(summary);
  expect(await page.locator("#model-progress").isVisible()).toBe(false);
});

test("tells of the limit on primitives over the picture, until that is put away", async () => {
  await connect();
  const notice = (text: string) =>
    host.send({ case: "notice", value: create(NoticeSchema, { code: "PrimitiveLimit", text }) });
  await notice("30 million triangles and points are drawn.");
  const banner = page.locator("#banner");
  await banner.getByText("30 million triangles and points are drawn.").waitFor();
  await page.getByRole("button", { name: "Dismiss this message" }).click();
  await banner.waitFor({ state: "hidden" });
  await notice("31 million triangles and points are drawn.");
  await page.mouse.click((await places()).part.x, (await places()).part.y);
  await page.getByText("Selected: Crank pin 3").waitFor();
  expect(await banner.isVisible()).toBe(false);
  // Another model is another matter.
  await page.getByLabel("Available models").selectOption("builtin://Engine?triangles=50000");
  await expect.poll(() => commandsOf("loadModel").length).toBe(2);
  await notice("32 million triangles and points are drawn.");
  await banner.getByText("32 million").waitFor();
});

test("shows what is drawn of the scene, pages and memory", async () => {
  await connect();
  await host.send({
    case: "statistics",
    value: create(StatisticsSchema, {
      trianglesInScene: 90_000_000n,
      pointsInScene: 10_000_000n,
      primitivesDrawn: 1_500_000n,
      primitivesMax: 1_000_000n,
      primitivesOverLimit: true,
      pagesMissing: 17,
      graphicsMemoryBytes: 1_200_000_000n,
      graphicsMemoryBudgetBytes: 4_000_000_000n,
    }),
  });
  const figure = (name: string) => page.locator(`[data-figure="${name}"]`);
  await expect.poll(() => figure("scene").textContent()).toBe("100 million");
  expect(await figure("drawn").textContent()).toBe("1.5 million, limit 1 million");
  expect(await figure("pages").textContent()).toBe("17");
  expect(await figure("memory").textContent()).toBe("1.2 GB of 4 GB");
});

test("shows how the client is connected, and what is left of the lease", async () => {
  await connect();
  await expect.poll(() => page.locator('[data-figure="connection"]').textContent()).toBe("direct");
  await expect.poll(() => page.locator('[data-figure="lease"]').textContent()).toBe("1 h left");
});

test("tells that the lease is about to end", async () => {
  await connect();
  await host.send({ case: "statistics", value: create(StatisticsSchema, { leaseRemainingMinutes: 4.2 }) });
  await page.getByText("The lease of this session ends in 5 min. Extend it in the list of sessions.").waitFor();
});

test("shows who has created a session", async () => {
  service.owner = { issuer: "https://id.example", subject: "ada", name: "Ada <b>Lovelace</b>" };
  await connect();
  await page.getByText("Created by Ada <b>Lovelace</b>").waitFor();
});

test.each([
  ["WebRTC", "This browser has no WebRTC", () => Reflect.deleteProperty(globalThis, "RTCPeerConnection")],
  [
    "H.264",
    "This browser cannot play H.264 video",
    () => {
      RTCRtpReceiver.getCapabilities = () => ({
        codecs: [{ mimeType: "video/VP8", clockRate: 90_000 }],
        headerExtensions: [],
      });
    },
  ],
])("says that a browser without %s cannot show sessions, and leases none", async (_, sentence, remove) => {
  await page.addInitScript(remove);
  await page.goto(service.address);
  await page.getByRole("heading", { name: "This browser cannot show sessions" }).waitFor();
  await page.getByText(sentence).waitFor();
  expect(await page.getByRole("button", { name: "New session" }).isDisabled()).toBe(true);
  expect(service.sessions.size).toBe(0);
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
  await page.locator("#video > *").focus();
  await page.keyboard.press("o");
  await overlay.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Overlay" }).click();
  await overlay.waitFor();
  await page.locator("#video > *").focus();
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
