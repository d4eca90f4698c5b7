/** The steps of a person on the page of a shared service, and the services and firewalls of these tests. */

import type { BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";
import { coverage, screenshotOf } from "../e2e/screenshot.ts";
import { type Connection, turnServerArguments } from "../e2e/service.ts";
import type { TwoMachines } from "./two-machines.ts";

/** Two machines with a running service on one and a browser on the other. */
export interface World {
  readonly machines: TwoMachines;
  readonly context: BrowserContext;
  readonly connection: Connection;
}

/** Media ports of the services. They differ from the ports for handshakes, so that a firewall can distinguish the two. */
export const MEDIA_PORTS = [40_000, 40_099] as const;
export const MEDIA_CONFIGURATION = `[listen]\nmedia_ports = [${MEDIA_PORTS.join(", ")}]\n`;
const TURN_SECRET = "a secret of these tests";

/** Firewall rules that drop all UDP. */
export const NO_UDP = ["meta l4proto udp drop"];
/** Firewall rules that allow REST, handshakes and a TURN server, but no media port of a host. */
export const NO_MEDIA = [...NO_UDP, `tcp dport ${MEDIA_PORTS.join("-")} drop`];

/** Returns the configuration of a service that offers the TURN server of {@link startTurnServer}. */
export function turnConfiguration(address: string): string {
  return `${MEDIA_CONFIGURATION}[turn]\nurls = ["turn:${address}:3478?transport=tcp"]\nsecret = "${TURN_SECRET}"\n`;
}

/** Starts coturn beside the service. */
export async function startTurnServer(machines: TwoMachines): Promise<void> {
  const basics = turnServerArguments(machines.serviceAddress, 3478, TURN_SECRET);
  const server = machines.onService("turnserver", [...basics, "--no-tls"]);
  await machines.accepts(3478, server);
}

/** Opens the page of the service and waits until it has loaded as far as `until`. */
export async function openPage(context: BrowserContext, query = "", until: "commit" | "load" = "load"): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(`https://remora.test:8443/${query}`, { waitUntil: until });
  return page;
}

/** Signs in with an account key. */
export async function signIn(page: Page, { accountId, accountKey }: Connection): Promise<void> {
  await page.getByLabel("Account").fill(accountId);
  await page.getByLabel("Key").fill(accountKey);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** Leases a session and waits until the engine is visible. Returns a page for evaluating screenshots. */
export async function showTheEngine(context: BrowserContext, page: Page): Promise<Page> {
  const scratch = await context.newPage();
  await page.bringToFront();
  await page.getByRole("button", { name: "New session", disabled: false }).click();
  await page.getByText(/: .* triangles, \d+ parts/).waitFor({ timeout: 60_000 });
  await expect.poll(async () => coverage(await screenshotOf(page, scratch)), { timeout: 20_000 }).toBeGreaterThan(0.05);
  return scratch;
}
