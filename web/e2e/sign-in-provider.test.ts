/** Signing in to a shared service with an OpenID Connect provider, and every failure. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ACCOUNT } from "./fake-service.ts";
import { AUDIENCE, IdentityProvider, PERSON } from "./identity-provider.ts";
import { page, service, showsMessage, signedIn, stored } from "./sign-in-page.ts";

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
    await showsMessage("Enter the account that you want to use, then sign in with Example ID.");
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
      await showsMessage(FOREIGN);
      expect(page.url()).toBe(`${service.origin}/`);
      expect(service.credentials).toEqual([]);
    },
  );

  test.each(["state=forged", ""])("ignores an answer whose state is %j, and drops the attempt", async (state) => {
    const { address } = await heldAnswer();
    await page.goto(address.replace(/state=[^&]*/, state));
    await showsMessage(FOREIGN);
    await page.goto(address);
    await showsMessage(FOREIGN);
    expect(service.credentials).toEqual([]);
  });

  test("accepts no answer twice, neither in the page nor at the provider", async () => {
    const { address, attempt } = await heldAnswer();
    await page.goto(address);
    await signedIn();
    await page.goto(address);
    await showsMessage(FOREIGN);
    await page.evaluate((text) => sessionStorage.setItem("remora.sign-in-attempt", text), attempt);
    await page.goto(address);
    await showsMessage("The sign-in with Example ID has been used before or took too long. Sign in again.");
    expect(service.credentials).toHaveLength(1);
  });

  test("drops an attempt that took too long", async () => {
    const { address, attempt } = await heldAnswer();
    const old = { ...JSON.parse(attempt), startedAt: Date.now() - 16 * 60_000 };
    await page.evaluate((text) => sessionStorage.setItem("remora.sign-in-attempt", text), JSON.stringify(old));
    await page.goto(address);
    await showsMessage(FOREIGN);
  });

  test("reports that the provider denied access", async () => {
    await page.goto(service.origin);
    await go();
    await page.getByRole("link", { name: "Cancel" }).click();
    await showsMessage("Example ID did not sign you in: access was denied.");
    expect(page.url()).toBe(`${service.origin}/`);
  });

  test("reports that the provider does not answer", async () => {
    const { address } = await heldAnswer();
    provider.close();
    await page.goto(address);
    await showsMessage(
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
      await showsMessage("The answer from Example ID does not belong to this sign-in. It was ignored; sign in again.");
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
    await showsMessage(sentence);
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
