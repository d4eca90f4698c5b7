/** Signing in to a shared service with an account key and with an OpenID Connect provider, and every failure. */

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launchBrowser } from "./browser.ts";
import { FakeHost } from "./fake-host.ts";
import { ACCOUNT, FakeService, KEY, SILENT_PORT } from "./fake-service.ts";
import { AUDIENCE, IdentityProvider, PERSON } from "./identity-provider.ts";

let browser: Browser;
let host: FakeHost;
let service: FakeService;
let page: Page;
let faults: string[];

beforeAll(async () => {
  browser = await launchBrowser();
  host = await FakeHost.open(browser);
});

afterAll(async () => {
  await host.close();
  await browser.close();
});

beforeEach(async () => {
  service = await FakeService.start(host);
  service.signIn.secret = false;
  page = await (await browser.newContext({ viewport: { width: 1_100, height: 700 } })).newPage();
  page.setDefaultTimeout(15_000);
  faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
});

afterEach(async () => {
  await page.context().close();
  service.close();
  expect(faults).toEqual([]);
});

const message = () => page.getByRole("alert").first();
const says = (sentence: string) => expect.poll(() => message().textContent()).toBe(sentence);
const signedIn = () => page.getByRole("button", { name: "New session", disabled: false }).waitFor();

/** Returns everything that the tab stores and its address, which a later page could read. */
function stored(): Promise<string> {
  return page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
  );
}

async function fill(account: string, key: string): Promise<void> {
  await page.getByLabel("Account").fill(account);
  await page.getByLabel("Key").fill(key);
}

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
    await says("There is no such account, or the key is not its key. Check both.");
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
    await says("There have been too many attempts. Try again in 42 seconds.");
  });

  test("reports that the service does not answer, and tries again", async () => {
    await page.route("**/portal/configuration", (route) => route.abort());
    await page.goto(service.origin);
    await says("The service does not answer. Check the network, and that the service is running; then try again.");
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

describe("with an identity provider", () => {
  let provider: IdentityProvider;

  beforeEach(async () => {
    provider = await IdentityProvider.start(`${service.origin}/`);
    service.signIn.accountKey = false;
    service.signIn.identityProviders = [{ ...provider.offered, accounts: [ACCOUNT] }];
    service.accepts = (token) => provider.verifies(token);
  });

  afterEach(() => provider.close());

  const go = () => page.getByRole("button", { name: "Sign in with Example ID" }).click();

  /** Returns the address with the provider's answer, and the stored attempt, before the page reads either. */
  async function heldAnswer(): Promise<{ address: string; attempt: string }> {
    await page.goto(service.origin);
    await go();
    await page.locator("input[name=login]").waitFor();
    service.blank = true;
    await provider.logIn(page);
    await page.waitForURL(`${service.origin}/?code=*`);
    service.blank = false;
    const attempt = await page.evaluate(() => sessionStorage.getItem("remora.sign-in-attempt") ?? "");
    return { address: page.url(), attempt };
  }

  test("signs in, shows the person, and stores nothing in the address or the tab", async () => {
    await page.goto(service.origin);
    await go();
    await provider.logIn(page);
    await signedIn();
    await page.getByText(PERSON).waitFor();
    expect(await stored()).toBe(JSON.stringify([{}, {}, "", `${service.origin}/`]));
    expect(service.credentials).toHaveLength(1);
    const [request] = provider.authorizations;
    expect(request?.get("response_type")).toBe("code");
    expect(request?.get("code_challenge_method")).toBe("S256");
    expect(request?.get("redirect_uri")).toBe(`${service.origin}/`);
  });

  test("presents the access token if the service does not accept the identity token", async () => {
    service.accepts = (token) => provider.verifies(token, AUDIENCE);
    await page.goto(service.origin);
    await go();
    await provider.logIn(page);
    await signedIn();
    expect(service.credentials).toHaveLength(2);
  });

  test("asks for the account if people of the provider may use several", async () => {
    service.signIn.identityProviders = [provider.offered];
    await page.goto(service.origin);
    await go();
    await says("Enter the account that you want to use, then sign in with Example ID.");
    await page.getByLabel("Account").fill(ACCOUNT);
    await page.keyboard.press("Enter");
    await provider.logIn(page);
    await signedIn();
  });

  test("creates new state, nonce and challenge for every attempt", async () => {
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      await page.goto(service.origin);
      await go();
      await page.locator("input[name=login]").waitFor();
    }
    for (const name of ["state", "nonce", "code_challenge"]) {
      const values = provider.authorizations.map((request) => request.get(name));
      expect(new Set(values).size, name).toBe(2);
      expect(values[0]?.length, name).toBeGreaterThanOrEqual(43);
    }
  });

  test("never takes the address to return to from the address of the page", async () => {
    const evil = "https://evil.example/";
    await page.goto(`${service.origin}/?redirect_uri=${evil}&return_to=${evil}&next=${evil}#${evil}`);
    await go();
    await provider.logIn(page);
    await signedIn();
    expect(page.url()).toBe(`${service.origin}/`);
    expect(provider.authorizations[0]?.get("redirect_uri")).toBe(`${service.origin}/`);
  });

  const FOREIGN =
    "The address contains an answer to a sign-in that this tab has not started. It was ignored; sign in again.";

  test.each(["?code=stolen&state=forged", "?code=stolen", "?state=forged", "?error=access_denied"])(
    "ignores an answer to no attempt of this tab: %s",
    async (query) => {
      await page.goto(`${service.origin}/${query}`);
      await says(FOREIGN);
      expect(page.url()).toBe(`${service.origin}/`);
      expect(service.credentials).toEqual([]);
    },
  );

  test.each(["state=forged", ""])("ignores an answer whose state is %j, and drops the attempt", async (state) => {
    const { address } = await heldAnswer();
    await page.goto(address.replace(/state=[^&]*/, state));
    await says(FOREIGN);
    await page.goto(address);
    await says(FOREIGN);
    expect(service.credentials).toEqual([]);
  });

  test("accepts no answer twice, neither in the page nor at the provider", async () => {
    const { address, attempt } = await heldAnswer();
    await page.goto(address);
    await signedIn();
    await page.goto(address);
    await says(FOREIGN);
    await page.evaluate((text) => sessionStorage.setItem("remora.sign-in-attempt", text), attempt);
    await page.goto(address);
    await says("The sign-in with Example ID has been used before or took too long. Sign in again.");
    expect(service.credentials).toHaveLength(1);
  });

  test("drops an attempt that took too long", async () => {
    const { address, attempt } = await heldAnswer();
    const old = { ...JSON.parse(attempt), startedAt: Date.now() - 16 * 60_000 };
    await page.evaluate((text) => sessionStorage.setItem("remora.sign-in-attempt", text), JSON.stringify(old));
    await page.goto(address);
    await says(FOREIGN);
  });

  test("reports that the provider denied access", async () => {
    await page.goto(service.origin);
    await go();
    await page.getByRole("link", { name: "Cancel" }).click();
    await says("Example ID did not sign you in: access was denied.");
    expect(page.url()).toBe(`${service.origin}/`);
  });

  test("reports that the provider does not answer", async () => {
    const { address } = await heldAnswer();
    provider.close();
    await page.goto(address);
    await says(
      `Example ID does not answer this page. Check the network, and that it accepts requests from ${service.origin}.`,
    );
  });

  test.each(["nonce", "aud", "iss", "exp"])(
    "refuses an identity token with the %s of another sign-in",
    async (claim) => {
      const { address } = await heldAnswer();
      await page.route(`${provider.offered.tokenEndpoint}`, async (route) => {
        const response = await route.fetch();
        const answer = await response.json();
        const [header, payload, signature] = answer.id_token.split(".");
        const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
        claims[claim] = claim === "exp" ? 1_000 : "https://other.example";
        const forged = Buffer.from(JSON.stringify(claims)).toString("base64url");
        await route.fulfill({ response, json: { ...answer, id_token: [header, forged, signature].join(".") } });
      });
      await page.goto(address);
      await says("The answer from Example ID does not belong to this sign-in. It was ignored; sign in again.");
      expect(service.credentials).toEqual([]);
    },
  );

  test.each([
    [
      401,
      {},
      "The service does not accept the token from Example ID: it has expired, or it was issued for another application.",
    ],
    [
      403,
      {},
      `Example ID has signed you in, but you have no role in the account ${ACCOUNT}. Ask its operator for one.`,
    ],
    [429, { "Retry-After": "300" }, "There have been too many attempts. Try again in 5 minutes."],
    [
      503,
      { "Retry-After": "10" },
      "The service cannot reach Example ID to verify the sign-in. Try again in 10 seconds.",
    ],
    [500, {}, "The service answered with status 500. Try again, or ask its operator."],
  ])("reports why the service refuses the provider's token: status %i", async (status, headers, sentence) => {
    service.tokenRefusal = { status, headers: headers as Record<string, string> };
    await page.goto(service.origin);
    await go();
    await provider.logIn(page);
    await says(sentence);
  });

  test("renews with the provider's refresh token", async () => {
    await page.clock.install();
    await page.goto(service.origin);
    await go();
    await provider.logIn(page);
    await signedIn();
    await page.clock.fastForward("56:00");
    await expect.poll(() => service.credentials.length).toBe(2);
    expect(provider.exchanges).toBe(2);
    expect(await page.locator("#ending").isVisible()).toBe(false);
  });

  test("offers to sign in again if the provider gives no refresh token", async () => {
    provider.refreshes = false;
    await page.clock.install();
    await page.goto(service.origin);
    await go();
    await provider.logIn(page);
    await signedIn();
    await page.clock.fastForward("54:00");
    expect(await page.locator("#ending").isVisible()).toBe(false);
    await page.clock.fastForward("01:30");
    await page.getByRole("button", { name: "Sign in again" }).click();
    await signedIn();
    expect(service.credentials).toHaveLength(2);
  });
});
