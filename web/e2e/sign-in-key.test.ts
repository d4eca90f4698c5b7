/** Signing in to a shared service with an account key, and every failure. */

import { describe, expect, test } from "vitest";
import { ACCOUNT, KEY, SILENT_PORT } from "./fake-service.ts";
import { fill, page, service, showsMessage, signedIn, stored } from "./sign-in-page.ts";

describe("with an account key", () => {
  test("signs in by keyboard alone, and stores the key neither in the address nor in the tab", async () => {
    await page.goto(service.origin);
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("sign-in-account");
    await page.keyboard.type(ACCOUNT);
    await page.keyboard.press("Tab");
    await page.keyboard.type(KEY);
    await page.keyboard.press("Enter");
    await signedIn();
    expect(await page.getByLabel("Key").isVisible()).toBe(false);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("new-session");
    expect(await stored()).toBe(JSON.stringify([{}, {}, "", `${service.origin}/`]));
    expect(service.credentials).toEqual([`${ACCOUNT}:${KEY}`]);
  });

  test("accepts input before scripts and configuration have arrived, and sends nothing until then", async () => {
    const hold = async (pattern: string): Promise<() => void> => {
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      await page.route(pattern, (route) => released.then(() => route.continue()));
      return release;
    };
    const sendScripts = await hold("**/assets/*.js");
    const sendConfiguration = await hold("**/portal/configuration");
    await page.goto(service.origin, { waitUntil: "commit" });
    await fill(ACCOUNT, KEY);
    await page.keyboard.press("Enter");
    const submit = page.getByRole("button", { name: "Sign in", exact: true });
    expect(await submit.isDisabled()).toBe(true);
    sendScripts();
    await expect.poll(() => submit.isDisabled()).toBe(false);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("sign-in-key");
    await page.keyboard.press("Enter");
    expect(await submit.isDisabled()).toBe(true);
    expect(service.credentials).toEqual([]);
    sendConfiguration();
    await signedIn();
    expect(await stored()).toBe(JSON.stringify([{}, {}, "", `${service.origin}/`]));
  });

  test("shows no form if the address or the tab signs in", async () => {
    await page.route("**/assets/*.js", (route) => route.abort());
    const showsForm = async (address: string) => {
      await page.goto("about:blank");
      await page.goto(address, { waitUntil: "domcontentloaded" });
      return page.getByLabel("Account").isVisible();
    };
    expect(await showsForm(service.origin)).toBe(true);
    expect(await showsForm(service.address)).toBe(false);
    expect(await showsForm(`${service.origin}/?code=1&state=2`)).toBe(false);
    await page.evaluate(() => sessionStorage.setItem("remora.sign-in-secret", "right"));
    expect(await showsForm(service.origin)).toBe(false);
  });

  test("has the attributes that password managers recognise", async () => {
    await page.goto(service.origin);
    const attributes = (label: string) =>
      page
        .getByLabel(label)
        .evaluate(({ type, autocomplete, form }: HTMLInputElement) => [type, autocomplete, form !== null]);
    expect(await attributes("Account")).toEqual(["text", "username", true]);
    expect(await attributes("Key")).toEqual(["password", "current-password", true]);
  });

  test.each([
    ["a wrong key", ACCOUNT, "wrong"],
    ["an unknown account", "00000000-0000-4000-8000-000000000000", KEY],
    ["an account that cannot exist", "a:b/../c", KEY],
    ["a key with characters that no header carries", ACCOUNT, "schlüssel"],
  ])("reports that account and key do not match: %s", async (_, account, key) => {
    await page.goto(service.origin);
    await fill(account, key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await showsMessage("There is no such account, or the key is not its key. Check both.");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("sign-in-key");
    await fill(ACCOUNT, KEY);
    await page.keyboard.press("Enter");
    await signedIn();
  });

  test("reports when to try again after too many attempts", async () => {
    service.tokenRefusal = { status: 429, headers: { "Retry-After": "42" } };
    await page.goto(service.origin);
    await fill(ACCOUNT, KEY);
    await page.keyboard.press("Enter");
    await showsMessage("There have been too many attempts. Try again in 42 seconds.");
  });

  test("reports that the service does not answer, and tries again", async () => {
    await page.route("**/portal/configuration", (route) => route.abort());
    await page.goto(service.origin);
    await showsMessage(
      "The service does not answer. Check the network, and that the service is running; then try again.",
    );
    await page.unroute("**/portal/configuration");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByLabel("Account").waitFor();
  });

  test("renews the token before it expires", async () => {
    await page.clock.install();
    await page.goto(service.origin);
    await fill(ACCOUNT, KEY);
    await page.keyboard.press("Enter");
    await signedIn();
    await page.clock.fastForward("54:00");
    expect(service.credentials).toHaveLength(1);
    await page.clock.fastForward("01:30");
    await expect.poll(() => service.credentials.length).toBe(2);
    expect(await page.locator("#ending").isVisible()).toBe(false);
  });

  test("signs out, and drops everything", async () => {
    await page.goto(service.origin);
    await fill(ACCOUNT, KEY);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Key").waitFor();
    expect(await page.getByLabel("Key").inputValue()).toBe("");
    expect(await page.getByRole("button", { name: "New session" }).isVisible()).toBe(false);
    expect(await stored()).toBe(JSON.stringify([{}, {}, "", `${service.origin}/`]));
  });

  test("signs out after a sign-in by address", async () => {
    await page.goto(service.address);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Key").waitFor();
    await page.reload();
    await page.getByLabel("Key").waitFor();
  });

  test("explains how to trust a certificate that the service has issued itself", async () => {
    await page.goto(service.origin);
    await page.getByLabel("Account").waitFor();
    const help = page.getByText("Does the browser warn about this page?");
    expect(await help.isVisible()).toBe(false);
    service.certificateLocal = true;
    await page.reload();
    await help.click();
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "certificate authority" }).click();
    expect((await download).suggestedFilename()).toBe("remora-ca.pem");
  });
});

test.each([true, false])(
  "links to a host that does not answer if its certificate may be the reason: %s",
  async (local) => {
    service.certificateLocal = local;
    service.hostSilent = true;
    await page.goto(service.origin);
    await fill(ACCOUNT, KEY);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "New session" }).click();
    await page.getByRole("heading", { name: "Connecting again…" }).waitFor();
    await page.getByRole("button", { name: "New session", disabled: false }).waitFor();
    const link = page.getByRole("link", { name: "Open the render host's address" });
    expect(await link.isVisible()).toBe(local);
    if (local) expect(await link.getAttribute("href")).toBe(`https://localhost:${SILENT_PORT}/`);
  },
);
