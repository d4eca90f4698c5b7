/**
 * The examples as a reader runs them: served by `examples/serve.mjs` from another origin than that of the service.
 *
 * With `REMORA_CONNECTION`, they run against the service of that `connection.json`, whose `listen.origins` must allow them;
 * otherwise against a fake service and host.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launchBrowser } from "./browser.ts";
import { FakeHost } from "./fake-host.ts";
import { ACCOUNT, FakeService, KEY } from "./fake-service.ts";
import { colours, difference, screenshotOf, stableScreenshotOf } from "./screenshot.ts";

const CONNECTION = process.env["REMORA_CONNECTION"];
const ROOT = join(import.meta.dirname, "../..");
const OUTPUT = join(ROOT, "test-output");
const SDK = join(ROOT, "web/sdk");
const run = promisify(execFile);

let browser: Browser;
let scratch: Page;
let host: FakeHost;
let service: FakeService;
let page: Page;
let server: ChildProcess | null = null;
let react: string;

beforeAll(async () => {
  await mkdir(OUTPUT, { recursive: true });
  await run("npm", ["run", "build", "--silent"], { cwd: SDK });
  react = await mkdtemp(join(tmpdir(), "remora-react-"));
  await cp(join(ROOT, "examples/react"), react, { recursive: true });
  await run("npm", ["pack", SDK, "--ignore-scripts", "--pack-destination", react, "--loglevel=error"], { cwd: react });
  const packed = (await readdir(react)).find((name) => name.endsWith(".tgz"));
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"];
  await run("npm", ["install", `./${packed}`, ...quiet], { cwd: react });
  await run("npm", ["run", "build"], { cwd: react });
  browser = await launchBrowser();
  scratch = await browser.newPage();
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await rm(react, { recursive: true, force: true });
});

beforeEach(async () => {
  host = await FakeHost.open(browser);
  service = await FakeService.start(host);
  // The browser does not trust the service's own certificate authority.
  page = await (await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 800, height: 560 } })).newPage();
  page.setDefaultTimeout(30_000);
});

afterEach(async () => {
  await page.context().close();
  server?.kill();
  await host.close();
  service.close();
});

/** Serves and opens the example in this folder. */
async function open(folder: string): Promise<void> {
  const connection = CONNECTION === undefined ? [] : ["--connection", CONNECTION];
  const started = spawn("node", [join(ROOT, "examples/serve.mjs"), folder, "--port", "0", ...connection], {
    env: { ...process.env, REMORA_ENDPOINT: service.origin, REMORA_ACCOUNT: ACCOUNT, REMORA_KEY: KEY },
    stdio: ["ignore", "pipe", "inherit"],
  });
  server = started;
  const line = await new Promise<string>((resolve) => started.stdout.once("data", (data) => resolve(String(data))));
  const address = line.match(/http:\S+/)?.[0] ?? "";
  service.origins.add(new URL(address).origin);
  await page.goto(address);
}

/** Waits until the video shows a model, and saves a screenshot of the page. */
async function showsModel(video: string, name: string): Promise<void> {
  const min = CONNECTION === undefined ? 1 : 5;
  await expect
    .poll(async () => colours(await screenshotOf(page, scratch, video)), { timeout: 30_000 })
    .toBeGreaterThanOrEqual(min);
  // The canvas of the fake host changes all the time.
  if (CONNECTION !== undefined) await stableScreenshotOf(page, scratch, video);
  await page.screenshot({ path: join(OUTPUT, `example-${name}.png`) });
}

test("three lines show a model", async () => {
  await open(join(ROOT, "examples/embed"));
  await page.locator("remora-viewer canvas").waitFor();
  await showsModel("remora-viewer", "embed");
});

test("a plain page shows a model, and hides the clicked part", async () => {
  await open(join(ROOT, "examples/plain"));
  await page.getByText(/triangles\. Drag to turn it/).waitFor();
  await showsModel("#model > *", "plain");
  const box = await page.locator("#model").boundingBox();
  await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2);
  await page.getByText(/^Selected: ./).waitFor();
  await page.getByRole("button", { name: "Hide the part" }).click();
  await page.getByRole("button", { name: "Hide the part", disabled: true }).waitFor();
});

test("two models are grouped, turned, switched off and removed", async () => {
  await open(join(ROOT, "examples/place"));
  await page.getByText("Both engines stand below one entity.").waitFor();
  await showsModel("#model > *", "place");
  if (CONNECTION === undefined) {
    const kinds = host.commands.map((command) => command.case);
    expect(kinds.filter((kind) => kind === "createEntity" || kind === "setParent")).toEqual([
      "createEntity",
      "setParent",
      "setParent",
    ]);
    return;
  }
  /** Does something to the models, waits for its message, and checks that the frame differs. */
  const changes = async (button: string, told: RegExp) => {
    const before = await stableScreenshotOf(page, scratch, "#model > *");
    await page.getByRole("button", { name: button }).click();
    await page.getByText(told).waitFor();
    await expect
      .poll(async () => difference(before, await screenshotOf(page, scratch, "#model > *")), { timeout: 10_000 })
      .toBeGreaterThan(0.3);
  };
  await changes("Turn both", /The small engine stands at -?\d+\.\d\d, -\d+\.\d\d, below the group\./);
  await changes("Switch the small one off", /is off/);
  await changes("Switch the small one off", /is on/);
  await page.screenshot({ path: join(OUTPUT, "example-place-turned.png") });
  await changes("Remove the small one", /The group has 1 model left\./);
});

test("a React application shows several models in one session", async () => {
  await open(join(react, "dist"));
  const message = page.getByText(/: \d+ triangles/);
  await message.waitFor();
  const first = await message.textContent();
  await showsModel("canvas", "react");
  await page.getByRole("button", { name: "Large engine" }).click();
  await page.getByRole("button", { name: "Large engine", pressed: true }).waitFor();
  if (CONNECTION !== undefined) return void (await expect.poll(() => message.textContent()).not.toBe(first));
  await expect.poll(() => host.commands.filter((command) => command.case === "loadModel").length).toBe(2);
  expect(service.sessions.size).toBe(1);
});
