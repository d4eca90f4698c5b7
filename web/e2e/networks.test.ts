/**
 * Restricted networks: TCP only, and a real TURN server over UDP, TCP and TLS.
 *
 * Unlike `network/second-machine.test.ts`, which needs root for its network namespaces, this file runs everywhere, and
 * shows TURN over each of its three transports and the message for refused credentials.
 *
 * `REMORA_EXECUTABLE` names the program. Each test starts its own service.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchBrowser } from "./browser.ts";
import { coverage, screenshotOf } from "./screenshot.ts";
import { connectionOf, type Service, startRemora, startTurnServer, type TurnServer } from "./service.ts";

const EXECUTABLE = process.env["REMORA_EXECUTABLE"] ?? "";
const OUTPUT = join(import.meta.dirname, "../../test-output");
const PAGES = join(import.meta.dirname, "pages");
const SECRET = "north";

/** The network path of a connected page, from its own statistics. */
interface Path {
  protocol: string | undefined;
  localType: string | undefined;
  relayProtocol: string | undefined;
}

describe.skipIf(EXECUTABLE === "").sequential("networks", () => {
  let browser: Browser;
  let scratch: Page;
  let turn: TurnServer;
  const services: Service[] = [];

  beforeAll(async () => {
    mkdirSync(OUTPUT, { recursive: true });
    // The TURN server has a self-signed certificate.
    browser = await launchBrowser(["--ignore-certificate-errors"]);
    scratch = await browser.newPage();
    turn = await startTurnServer(SECRET);
    services.push(turn.service);
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all(services.map((service) => service.stop()));
  });

  async function serve(configuration: string): Promise<string> {
    const service = await startRemora(EXECUTABLE, configuration);
    services.push(service);
    return connectionOf(service).portal;
  }

  const relaying = (url: string, secret = SECRET) => serve(`[turn]\nurls = ["${url}"]\nsecret = "${secret}"\n`);

  /** Opens the page of a service behind such a network. */
  async function visit(portal: string, network: "tcp-only" | "relay-only" | "open"): Promise<Page> {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 760 } })).newPage();
    await page.addInitScript({ path: join(PAGES, "keep-connections.js") });
    if (network !== "open") await page.addInitScript({ path: join(PAGES, `${network}.js`) });
    await page.goto(portal);
    await page.getByRole("button", { name: "New session" }).click();
    return page;
  }

  /** Waits until the page shows the model. */
  async function seesTheModel(page: Page, name: string): Promise<void> {
    await page.getByText(/: .* triangles, \d+ parts/).waitFor({ timeout: 30_000 });
    await page.getByRole("button", { name: "Overlay", pressed: true }).click();
    await expect
      .poll(async () => coverage(await screenshotOf(page, scratch)), { timeout: 20_000 })
      .toBeGreaterThan(0.05);
    await page.screenshot({ path: join(OUTPUT, `network-${name}.png`) });
  }

  const pathOf = (page: Page) => page.evaluate<Path>("globalThis.pathOfConnection()");

  test("the stream uses UDP on an open network", async () => {
    const page = await visit(await serve(""), "open");
    await seesTheModel(page, "direct");
    expect((await pathOf(page)).protocol).toBe("udp");
    await page.context().close();
  });

  test("the stream uses TCP if UDP is blocked", async () => {
    const page = await visit(await serve(""), "tcp-only");
    await seesTheModel(page, "tcp");
    expect((await pathOf(page)).protocol).toBe("tcp");
    await page.context().close();
  });

  for (const [index, protocol] of ["udp", "tcp", "tls"].entries()) {
    test(`the stream is relayed if only a TURN server is reachable, over ${protocol.toUpperCase()}`, async () => {
      const page = await visit(await relaying(turn.urls[index] ?? ""), "relay-only");
      await seesTheModel(page, `relay-${protocol}`);
      expect(await pathOf(page)).toMatchObject({ localType: "relay", relayProtocol: protocol });
      await page.context().close();
    });
  }

  test("the page names a TURN server that refuses the credentials, within seconds", async () => {
    const page = await visit(await relaying(turn.urls[0], "another secret"), "relay-only");
    await page
      .locator("#notice")
      .getByText(/TURN|relay/)
      .waitFor({ timeout: 12_000 });
    await page.screenshot({ path: join(OUTPUT, "network-refused.png") });
    await page.context().close();
  });
});
