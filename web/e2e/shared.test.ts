/**
 * A real service as people of other machines use it: its HTTPS address, signed in with the account's key and with an
 * identity provider that its configuration names.
 *
 * `REMORA_EXECUTABLE` names the executable. Every test starts a service of its own, since the provider comes first.
 */

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launchBrowser } from "./browser.ts";
import { AUDIENCE, CLIENT, IdentityProvider, PERSON, ROLE } from "./identity-provider.ts";
import { colours, pictureOf, restingPictureOf } from "./screenshot.ts";
import { type Connection, connectionOf, type Service, startRemora } from "./service.ts";

const EXECUTABLE = process.env["REMORA_EXECUTABLE"] ?? "";
const OUTPUT = join(import.meta.dirname, "../../test-output");

describe.skipIf(EXECUTABLE === "")("a shared service", () => {
  let browser: Browser;
  let scratch: Page;
  let page: Page;
  let remora: Service | null = null;
  let faults: string[];

  beforeAll(async () => {
    await mkdir(OUTPUT, { recursive: true });
    browser = await launchBrowser();
    scratch = await browser.newPage();
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    // Nothing but this test trusts the service's own certificate authority.
    page = await (await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1_200, height: 720 } })).newPage();
    page.setDefaultTimeout(30_000);
    faults = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(message.text());
    });
  });

  afterEach(async () => {
    await page.context().close();
    await remora?.stop();
    remora = null;
    expect(faults).toEqual([]);
  });

  async function start(configuration: string): Promise<Connection> {
    remora = await startRemora(EXECUTABLE, configuration);
    return connectionOf(remora);
  }

  async function showsModel(): Promise<void> {
    await page.getByRole("button", { name: "New session", disabled: false }).click();
    await page.getByText(/: .* triangles, \d+ parts/).waitFor();
    await expect.poll(async () => colours(await pictureOf(page, scratch)), { timeout: 30_000 }).toBeGreaterThan(5);
    await expect.poll(() => page.locator('[data-figure="connection"]').textContent()).toBe("direct");
  }

  test("is used with the key of its account, and explains its certificate", async () => {
    const { endpoint, accountId, accountKey, caFile } = await start("");
    await page.goto(endpoint);
    await page.getByLabel("Account").fill(accountId);
    await page.getByLabel("Key").fill(`${accountKey}x`);
    await page.keyboard.press("Enter");
    await page.getByText("There is no such account, or the key is not its key.").waitFor();
    await page.getByText("Does the browser warn about this page?").click();
    const authority = page.waitForEvent("download");
    await page.getByRole("link", { name: "certificate authority" }).click();
    expect(await readFile(await (await authority).path(), "utf8")).toBe(await readFile(caFile, "utf8"));
    await page.getByLabel("Key").fill(accountKey);
    await page.keyboard.press("Enter");
    await showsModel();
    await page.getByText("Created by account key").waitFor();
    await restingPictureOf(page, scratch);
    await page.screenshot({ path: join(OUTPUT, "shared.png") });
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("heading", { name: "Session stopped" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Key").waitFor();
  });

  test("is used with an identity provider, and tells who has created a session", async () => {
    const server = await IdentityProvider.reserve();
    const { endpoint, accountId } = await start(`
      [[identity]]
      issuer = "${server.issuer}"
      audience = "${AUDIENCE}"
      client_id = "${CLIENT}"
      display_name = "Example ID"
      role_claim = "roles"
      roles = { "${ROLE}" = "client" }
      accounts = ["*"]
    `);
    const provider = await IdentityProvider.start(`${endpoint}/`, server);
    try {
      // The service has looked for the provider before it was there, and looks again some seconds later.
      const signIn = page.getByRole("button", { name: "Sign in with Example ID" });
      await expect.poll(async () => {
        await page.goto(endpoint);
        await page.getByLabel("Account").fill(accountId);
        return signIn.isVisible();
      }, { timeout: 30_000, interval: 500 }).toBe(true);
      await signIn.click();
      await provider.logIn(page);
      await page.locator("#person").getByText(PERSON).waitFor();
      await showsModel();
      await page.getByText(`Created by ${PERSON}`).waitFor();
      await page.screenshot({ path: join(OUTPUT, "shared-identity.png") });
    } finally {
      provider.close();
    }
  });
});
