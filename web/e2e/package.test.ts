/**
 * The package as its users get it: packed, installed into a new Vite application outside this workspace, checked with
 * strict TypeScript, built, and opened in a browser from another origin than that of the service.
 */

import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { StatisticsSchema } from "../sdk/src/generated/remora/v1/connection_pb.ts";
import { launchBrowser } from "./browser.ts";
import { FakeHost, PART } from "./fake-host.ts";
import { ACCOUNT, FakeService, KEY } from "./fake-service.ts";
import { connectionOf, startRemora } from "./service.ts";
import { Site } from "./site.ts";

const EXECUTABLE = process.env["REMORA_EXECUTABLE"] ?? "";
const SDK = join(import.meta.dirname, "../sdk");
const run = promisify(execFile);

let folder: string;
let browser: Browser;
let host: FakeHost;
let service: FakeService;
/** The origin of the application, and that of a page that uses the bundle. */
let application: Site;
let plain: Site;
let page: Page;
let faults: string[];

const npm = (...args: string[]) =>
  run("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"], { cwd: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "remora-outside-"));
  await cp(join(import.meta.dirname, "outside"), folder, { recursive: true });
  await run("npm", ["pack", SDK, "--pack-destination", folder, "--loglevel=error"], { cwd: folder });
  const packed = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  await npm("install", `./${packed}`);
  await npm("run", "check");
  await npm("run", "build");
  browser = await launchBrowser();
  application = await Site.start(join(folder, "dist"));
  plain = await Site.start(join(folder, "node_modules/@remora/sdk/dist"));
}, 300_000);

afterAll(async () => {
  await browser?.close();
  application?.close();
  plain?.close();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  host = await FakeHost.open(browser);
  service = await FakeService.start(host);
  page = await (await browser.newContext({ viewport: { width: 900, height: 600 } })).newPage();
  page.setDefaultTimeout(20_000);
  faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (/Content.Security.Policy/i.test(message.text())) faults.push(message.text());
  });
});

afterEach(async () => {
  await page.context().close();
  await host.close();
  service.close();
  expect(faults).toEqual([]);
});

function applicationUrl(parameters: Record<string, string> = {}): string {
  const query = new URLSearchParams({ endpoint: service.origin, account: ACCOUNT, key: KEY, ...parameters });
  return `${application.origin}/?${query}`;
}

/** Opens a page with one tag; `before` is a script that runs before the element is defined. */
async function openElement(attributes: string, { before = "", children = "" } = {}): Promise<void> {
  plain.pages.set("/token", "token");
  plain.pages.set("/before.js", before);
  plain.pages.set("/page.css", "remora-viewer { width: 640px; height: 360px; }");
  plain.pages.set(
    "/element.html",
    `<!doctype html><title>One tag</title><link rel="stylesheet" href="/page.css"><script type="module" src="/before.js"></script>
     <script type="module" src="/remora.js"></script>
     <remora-viewer endpoint="${service.origin}" account="${ACCOUNT}" ${attributes}>${children}</remora-viewer>`,
  );
  await page.goto(`${plain.origin}/element.html`);
}

const stateIs = (state: string) =>
  expect.poll(() => page.locator("#state").textContent(), { timeout: 20_000 }).toBe(state);
const commandsOf = <Case extends string>(name: Case) =>
  host.commands.filter((command) => command.case === name).map((command) => command.value);

test("the package contains only the build, licences and readme", async () => {
  const files = await readdir(join(folder, "node_modules/@remora/sdk"));
  expect(files.sort()).toEqual(["LICENSE-APACHE", "LICENSE-MIT", "README.md", "dist", "package.json"]);
});

test("the modules can be imported outside a browser, without effect", async () => {
  const script = "await import('@remora/sdk'); await import('@remora/sdk/element'); console.log('imported')";
  const { stdout } = await run("node", ["--input-type=module", "-e", script], { cwd: folder });
  expect(stdout).toBe("imported\n");
});

test("a page of an allowed origin leases a session with a key, and shows a model", async () => {
  service.origins.add(application.origin);
  // Pages without HTTPS lack this method.
  await page.addInitScript(() => Object.defineProperty(crypto, "randomUUID", { value: undefined }));
  await page.goto(applicationUrl());
  await stateIs("connected");
  await page.getByText("Engine: 200000 triangles").waitFor();
  await expect.poll(() => page.locator("body").getAttribute("data-connection")).toBe("direct");
  const canvas = page.locator("#model > canvas");
  await expect.poll(() => canvas.evaluate((element: HTMLCanvasElement) => element.width)).toBe(640);
  expect(commandsOf("loadModel")).toMatchObject([{ uri: "builtin://Engine?triangles=50000", replace: true }]);
  const [id] = [...service.sessions.keys()];
  expect(id).toMatch(/^viewer-[0-9a-f]{32}$/);
});

test.each(["canvas", "video"])(
  "a page may provide its own %s, which remains when the viewer is closed",
  async (kind) => {
    service.origins.add(application.origin);
    await page.goto(applicationUrl({ target: kind }));
    await expect.poll(() => page.locator("#frame").textContent()).toBe("shown");
    await page.evaluate(() => (globalThis as unknown as { viewer: { close(): Promise<void> } }).viewer.close());
    expect(await page.locator(`#model > ${kind}`).count()).toBe(1);
  },
);

test("the video follows the size of its element, and the end of the lease is announced", async () => {
  service.origins.add(application.origin);
  await page.goto(applicationUrl());
  await stateIs("connected");
  await page.locator("#model").evaluate((element: HTMLElement) => {
    element.style.width = "400px";
  });
  await expect.poll(() => commandsOf("setViewport").at(-1)).toMatchObject({ widthPixels: 400, heightPixels: 360 });
  expect(await page.locator("#lease").textContent()).toBe("");
  await host.send({ case: "statistics", value: create(StatisticsSchema, { leaseRemainingMinutes: 3.5 }) });
  await expect.poll(() => page.locator("#lease").textContent()).toBe("4 minutes are left");
});

test("the browser gets the TURN servers of the service", async () => {
  service.origins.add(application.origin);
  service.iceServers = [{ urls: ["turn:127.0.0.1:9?transport=udp"], username: "u", credential: "c" }];
  await page.addInitScript(() => {
    const Original = RTCPeerConnection;
    globalThis.RTCPeerConnection = class extends Original {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        document.title = JSON.stringify(configuration?.iceServers);
      }
    };
  });
  await page.goto(applicationUrl());
  await stateIs("connected");
  expect(JSON.parse(await page.title())).toEqual(service.iceServers);
});

test("an origin that is refused gets a different error than a service that does not answer", async () => {
  await page.goto(applicationUrl());
  await page.getByText(/^origin-refused: .*does not accept requests from pages of http:\/\/localhost:/).waitFor();
  service.close();
  await page.reload();
  await page.getByText(/^service-unreachable: /).waitFor();
});

test.skipIf(EXECUTABLE === "")(
  "the real service refuses an unknown origin, and accepts one that it lists",
  async () => {
    const { port } = new URL(application.origin);
    const origins = [`http://localhost:${port.slice(0, -1)}`, `http://127.0.0.1:${port}`];
    const remora = await startRemora(EXECUTABLE, `[listen]\norigins = ${JSON.stringify(origins)}\n`);
    try {
      const { endpoint, accountId: account, accountKey: key } = connectionOf(remora);
      const query = new URLSearchParams({ endpoint, account, key });
      // The browser does not trust the service's own certificate authority.
      const trusting = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
      await trusting.goto(`${application.origin}/?${query}`);
      await trusting
        .getByText(/^origin-refused: .*does not accept requests from pages of http:\/\/localhost:/)
        .waitFor();
      await trusting.goto(`http://127.0.0.1:${port}/?${query}`);
      await expect.poll(() => trusting.locator("#state").textContent(), { timeout: 20_000 }).toBe("connected");
      await trusting.context().close();
    } finally {
      await remora.stop();
    }
  },
);

test("a wrong key causes a typed error with a message", async () => {
  service.origins.add(application.origin);
  await page.goto(applicationUrl({ key: "wrong" }));
  await page.getByText("unauthorized: RequestRefused: The service does not accept the credentials.").waitFor();
});

test("a browser without WebRTC or H.264 gets an error before a session is leased", async () => {
  service.origins.add(application.origin);
  await page.addInitScript(() => {
    delete (globalThis as { RTCPeerConnection?: unknown }).RTCPeerConnection;
  });
  await page.goto(applicationUrl());
  await page.getByText(/^unsupported-browser: .*no WebRTC/).waitFor();
  const other = await page.context().newPage();
  await other.addInitScript(() => {
    RTCRtpReceiver.getCapabilities = () => ({
      codecs: [{ mimeType: "video/VP8", clockRate: 90_000 }],
      headerExtensions: [],
    });
  });
  await other.goto(applicationUrl());
  await other.getByText(/^unsupported-browser: .*H\.264/).waitFor();
  expect(service.sessions.size).toBe(0);
});

test("closing a viewer stops the session that it leased, but not a given one", async () => {
  service.origins.add(application.origin);
  await page.goto(applicationUrl());
  await stateIs("connected");
  await page.evaluate(() => (globalThis as unknown as { viewer: { close(): Promise<void> } }).viewer.close());
  expect([...service.sessions.values()].map(({ status }) => status)).toEqual(["Stopped"]);
  expect(await page.locator("#model > *").count()).toBe(0);

  service.sessions.set("given", { status: "Ready", maxLeaseTimeMinutes: 60, asked: 0 });
  await page.goto(applicationUrl({ session: "given" }));
  await stateIs("connected");
  await page.evaluate(() => (globalThis as unknown as { viewer: { close(): Promise<void> } }).viewer.close());
  expect(service.sessions.get("given")?.status).toBe("Ready");
});

test("a viewer that is closed while its session is being created stops the session only after its creation", async () => {
  service.origins.add(application.origin);
  let create = () => {};
  const created = new Promise<void>((resolve) => {
    create = resolve;
  });
  const asked: string[] = [];
  await page.route(/\/sessions\/viewer-/, async (route) => {
    const request = route.request();
    asked.push(request.method());
    if (request.method() === "PUT") await created;
    await route.continue();
  });
  await page.goto(applicationUrl());
  await expect.poll(() => asked.filter((method) => method === "PUT").length).toBe(1);
  const closed = page.evaluate(() => (globalThis as unknown as { viewer: { close(): Promise<void> } }).viewer.close());
  await stateIs("closed");
  expect(asked).not.toContain("POST");
  create();
  await closed;
  await expect.poll(() => [...service.sessions.values()].map(({ status }) => status)).toEqual(["Stopped"]);
});

test("a session that a page has leased ends with the page", async () => {
  service.origins.add(application.origin);
  await page.goto(applicationUrl());
  await stateIs("connected");
  await page.goto("about:blank");
  await expect.poll(() => [...service.sessions.values()].map(({ status }) => status)).toEqual(["Stopped"]);
});

test("one tag shows a model: poster first, progress, then the video; a click selects", async () => {
  service.origins.add(plain.origin);
  await openElement('token-src="/token" src="builtin://Engine?triangles=50000"', {
    children: '<img slot="poster" alt="The engine"><button>On top</button>',
  });
  const tag = page.locator("remora-viewer");
  await tag.locator("canvas").waitFor();
  await tag.getByAltText("The engine").waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "On top" }).waitFor();
  await expect.poll(() => commandsOf("loadModel").length).toBe(1);
  const box = await tag.boundingBox();
  await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2);
  await expect.poll(() => commandsOf("selectEntities").at(-1)).toMatchObject({ entities: [PART.entity] });
  await tag.evaluate((element) => element.setAttribute("src", "builtin://Engine?triangles=200000"));
  await expect.poll(() => commandsOf("loadModel").at(-1)).toMatchObject({ uri: "builtin://Engine?triangles=200000" });
  await tag.evaluate((element) => element.remove());
  await expect.poll(() => [...service.sessions.values()].map(({ status }) => status)).toEqual(["Stopped"]);
});

test("a model that is set while the tag connects again is the only one that is loaded", async () => {
  service.origins.add(plain.origin);
  await openElement('token-src="/token" src="builtin://Engine?triangles=50000"');
  const tag = page.locator("remora-viewer");
  await expect.poll(() => commandsOf("loadModel").length).toBe(1);
  service.handshakeFailures = Number.POSITIVE_INFINITY;
  await host.hangUp();
  await tag.getByText(/^Connecting again/).waitFor();
  await tag.evaluate((element) => element.setAttribute("src", "builtin://Engine?triangles=200000"));
  service.handshakeFailures = 0;
  await expect.poll(() => commandsOf("loadModel").length, { timeout: 15_000 }).toBe(2);
  expect(commandsOf("loadModel")[1]).toMatchObject({ uri: "builtin://Engine?triangles=200000" });
  await tag.locator("[part=message]").waitFor({ state: "hidden" });
  expect(commandsOf("loadModel").length).toBe(2);
});

test("the tag shows an error, dispatches it, and tries again", async () => {
  service.origins.add(plain.origin);
  service.startFailure = "No Vulkan driver was found.";
  await openElement('token-src="/token" src="builtin://Engine"', {
    before: "addEventListener('error', (event) => { if (event.detail) document.title = event.detail.code; }, true);",
  });
  const tag = page.locator("remora-viewer");
  await tag.getByText("No Vulkan driver was found.").waitFor();
  service.startFailure = null;
  await tag.getByRole("button", { name: "Try again" }).click();
  await expect.poll(() => commandsOf("loadModel").length).toBe(1);
});

test("the tag accepts a token by property, and walks", async () => {
  service.origins.add(plain.origin);
  await openElement('camera="walk" src="builtin://Engine"', {
    before:
      "customElements.whenDefined('remora-viewer').then(() => { document.querySelector('remora-viewer').token = () => 'token'; });",
  });
  const tag = page.locator("remora-viewer");
  await expect.poll(() => commandsOf("loadModel").length).toBe(1);
  const position = () =>
    tag.evaluate((element) => {
      const { viewer } = element as unknown as { viewer: { camera: { pose(): { position: { z: number } } } } };
      return viewer.camera.pose().position.z;
    });
  await tag.locator("canvas").focus();
  const start = await position();
  await page.keyboard.down("w");
  await expect.poll(position).toBeLessThan(start);
  await page.keyboard.up("w");
});
