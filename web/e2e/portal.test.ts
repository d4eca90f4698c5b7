/** The page against a fake service and host: sign-in by address, models, statistics and layout. */

import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { NoticeSchema, StatisticsSchema } from "../sdk/src/generated/remora/v1/connection_pb.ts";
import { commandsOf, connect, host, page, places, service } from "./portal-page.ts";

test("signs in by the address, hides the secret, and stays signed in after a reload", async () => {
  await page.goto(service.address);
  await page.getByRole("button", { name: "New session", disabled: false }).waitFor();
  expect(page.url()).toBe(`${service.origin}/`);
  await page.reload();
  await page.getByRole("button", { name: "New session", disabled: false }).waitFor();
});

test.each(["", "#secret=wrong"])("explains how to sign in if the address ends in %j", async (fragment) => {
  await page.goto(`${service.origin}/${fragment}`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.getByText("the address that “remora up” print").first().waitFor();
  expect(await page.getByRole("button", { name: "New session" }).isVisible()).toBe(false);
});

test("leases a session, connects, and loads and shows the default model", async () => {
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

test("loads other models from the list and by address, and shows why one is refused", async () => {
  await connect();
  await page.getByLabel("Available models").selectOption("builtin://Engine?triangles=50000");
  await expect
    .poll(() => host.commands.filter((command) => command.case === "loadModel").at(-1)?.value)
    .toMatchObject({ uri: "builtin://Engine?triangles=50000", replace: true });
  host.modelRefusal = "There is no file at https://example.org/no.glb.";
  await page.getByLabel("Address of a model file").fill("https://example.org/no.glb");
  await page.getByRole("button", { name: "Load" }).click();
  await page.getByText("There is no file at https://example.org/no.glb.").waitFor();
  // The scene stays: no model was unloaded for the one that was refused.
  expect(commandsOf("unloadAll")).toEqual([]);
});

test("shows that a visible model is being refined", async () => {
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

test("shows the limit on primitives over the video until it is dismissed", async () => {
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
  // Another model shows it again.
  await page.getByLabel("Available models").selectOption("builtin://Engine?triangles=50000");
  await expect.poll(() => commandsOf("loadModel").length).toBe(2);
  await notice("32 million triangles and points are drawn.");
  await banner.getByText("32 million").waitFor();
});

test("shows the primitives that are drawn and in the scene, missing pages and memory", async () => {
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
])("explains that a browser without %s cannot show sessions, and leases none", async (_, sentence, remove) => {
  await page.addInitScript(remove);
  await page.goto(service.address);
  await page.getByRole("heading", { name: "This browser cannot show sessions" }).waitFor();
  await page.getByText(sentence).waitFor();
  expect(await page.getByRole("button", { name: "New session" }).isDisabled()).toBe(true);
  expect(service.sessions.size).toBe(0);
});

test("shows and hides the statistics by button and key, and remembers the choice", async () => {
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

test("fits on the screen of a phone", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await connect();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(360);
});
