/**
 * A real service as people on other machines use it: by its HTTPS address, signed in with the account key or with an
 * identity provider of its configuration.
 *
 * `REMORA_EXECUTABLE` names the executable. Every test starts its own service.
 */

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launchBrowser } from "./browser.ts";
import { AUDIENCE, CLIENT, IdentityProvider, PERSON, ROLE } from "./identity-provider.ts";
import { colours, screenshotOf, stableScreenshotOf } from "./screenshot.ts";
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
    // The browser does not trust the service's own certificate authority.
    page = await (
      await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1_200, height: 720 } })
    ).newPage();
    page.setDefaultTimeout(30_000);
    faults = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        faults.push(message.text());
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
    await expect.poll(async () => colours(await screenshotOf(page, scratch)), { timeout: 30_000 }).toBeGreaterThan(5);
    await expect.poll(() => page.locator('[data-figure="connection"]').textContent()).toBe("direct");
  }

  test("accepts the account key, and explains its certificate", async () => {
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
    await stableScreenshotOf(page, scratch);
    await page.screenshot({ path: join(OUTPUT, "shared.png") });
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("heading", { name: "Session stopped" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Key").waitFor();
  });

  test("accepts a sign-in with an identity provider, and shows who created a session", async () => {
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
      // The service looked for the provider before it was running, and looks again some seconds later.
      const signIn = page.getByRole("button", { name: "Sign in with Example ID" });
      await expect
        .poll(
          async () => {
            await page.goto(endpoint);
            await page.getByLabel("Account").fill(accountId);
            return signIn.isVisible();
          },
          { timeout: 30_000, interval: 500 },
        )
        .toBe(true);
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
