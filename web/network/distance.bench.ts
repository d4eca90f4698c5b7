/**
 * Measures how soon a shared address shows a model on another machine, and the delay from input to frame over every kind
 * of connection. `make bench-network` runs it; `REMORA` names the executable, `COUNT` the number of inputs per connection.
 */

import { loadavg } from "node:os";
import type { Page } from "playwright-core";
import { afterEach, describe, test } from "vitest";
import { quantile, singleSteps } from "../bench/steps.mjs";
import {
  MEDIA_CONFIGURATION,
  NO_MEDIA,
  NO_UDP,
  openPage,
  showTheEngine,
  signIn,
  startTurnServer,
  turnConfiguration,
  type World,
} from "./story.ts";
import { type Line, TwoMachines, whyNot } from "./two-machines.ts";

const REMORA = process.env["REMORA"] ?? "";
const COUNT = Number(process.env["COUNT"] ?? "40");
const OPENINGS = Number(process.env["OPENINGS"] ?? "5");
/** The round trip is 400 ms: twice the delay. */
const SLOW_LINE: Line = { delay: 200, rate: 50_000 };

const reason = whyNot();
if (reason !== undefined) throw new Error(reason);

describe.sequential("distance", () => {
  let open: TwoMachines | undefined;

  afterEach(async () => {
    await open?.close();
    open = undefined;
  });

  async function begin(label: string, configuration = MEDIA_CONFIGURATION, line?: Line): Promise<World> {
    const machines = await TwoMachines.open(label, line);
    open = machines;
    const connection = await machines.up(REMORA, configuration);
    return { machines, context: await machines.browser(connection.caFile), connection };
  }

  test("opening the shared address", async () => {
    const cold: number[] = [];
    const warm: number[] = [];
    for (let opening = 0; opening < OPENINGS; opening += 1) {
      const { context, connection } = await begin(`open${opening}`);
      for (const times of [cold, warm]) {
        const begun = performance.now();
        const page = await openPage(context);
        await signIn(page, connection);
        const scratch = await showTheEngine(context, page);
        times.push(performance.now() - begun);
        await page.close();
        await scratch.close();
      }
      if (opening + 1 < OPENINGS) await open?.close();
    }
    report("address to the engine on screen, first visit", cold);
    report("the same, second visit", warm);
  });

  test("the page on a slow line", async () => {
    const typing: number[] = [];
    const sending: number[] = [];
    for (let opening = 0; opening < OPENINGS; opening += 1) {
      const { context } = await begin(`slow${opening}`, MEDIA_CONFIGURATION, SLOW_LINE);
      const begun = performance.now();
      const page = await openPage(context, "", "commit");
      await page.getByLabel("Account").waitFor();
      typing.push(performance.now() - begun);
      await page.locator("#sign-in-submit:enabled").waitFor();
      sending.push(performance.now() - begun);
      if (opening + 1 < OPENINGS) await open?.close();
    }
    const line = "400 ms round trip and 50 kB/s, handshakes of TCP and TLS included";
    report(`address to the sign-in form, ${line}`, typing);
    report("the same, until the form can be sent", sending);
  });

  test("delay, directly", async () => {
    report("input to frame, direct", await delays(await begin("direct")));
  });

  test("delay, over TCP", async () => {
    const world = await begin("tcp");
    world.machines.firewall(NO_UDP);
    report("input to frame, ICE-TCP", await delays(world));
  });

  test("delay, through TURN over TCP", async () => {
    const world = await begin("turn", turnConfiguration("10.231.7.1"));
    await startTurnServer(world.machines);
    world.machines.firewall(NO_MEDIA);
    report("input to frame, TURN over TCP", await delays(world));
  });
});

async function delays({ context, connection }: World): Promise<number[]> {
  const page: Page = await openPage(context, "?bench");
  await signIn(page, connection);
  const scratch = await showTheEngine(context, page);
  await scratch.close();
  const overlay = page.getByRole("button", { name: "Overlay", pressed: true });
  if (await overlay.isVisible()) await overlay.click();
  await page.evaluate("globalThis.remora.start()");
  return (await singleSteps(page, COUNT)).map((step) => step.inputToPresented);
}

function report(name: string, milliseconds: readonly number[]): void {
  const [median, p95] = [0.5, 0.95].map((q) => quantile(milliseconds, q)?.toFixed(1));
  const load = loadavg()[0]?.toFixed(1);
  console.log(`| ${name} | ${milliseconds.length} | ${median} | ${p95} | load average ${load} |`);
}
