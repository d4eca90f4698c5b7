/** Opens the page of a shared fake service, signed out, for every test of the importing file. */

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { launchBrowser } from "./browser.ts";
import { FakeHost } from "./fake-host.ts";
import { FakeService } from "./fake-service.ts";

let browser: Browser;
let host: FakeHost;
export let service: FakeService;
export let page: Page;
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

/** Waits until the form shows this message. */
export const showsMessage = (message: string) =>
  expect.poll(() => page.getByRole("alert").first().textContent()).toBe(message);

/** Waits until a person is signed in. */
export const signedIn = () => page.getByRole("button", { name: "New session", disabled: false }).waitFor();

/** Returns everything that the tab stores and its address, which a later page could read. */
export function stored(): Promise<string> {
  return page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
  );
}

/** Fills in the form. */
export async function fill(account: string, key: string): Promise<void> {
  await page.getByLabel("Account").fill(account);
  await page.getByLabel("Key").fill(key);
}
