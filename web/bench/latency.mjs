// Measures the delay from an input event in the browser to the first presented frame that shows it, in headless Chromium.
//
//   node bench/latency.mjs CONNECTION.json [MODEL_URI] [COUNT] [--sink canvas|webgl|video] [--network NAME] [--json FILE]
//
// NAME is the name of a script in e2e/pages that simulates a network: tcp-only, or relay-only for a service with TURN servers.
//
// The script leases a session through the page of a running `remora up` and enables the host's marker. It then moves the
// mouse COUNT times. Each step is a real mouse event of the browser (CDP), sent at a random time after the previous step is
// visible. The delay is the time from the event's timeStamp to the animation frame that shows the canvas from whose pixels
// the marker was read. Then synthetic pointer events, one per animation frame, orbit the model for 5 s; they cost the browser
// less than real events. After that it drags and stops, again and again, and measures the time from the last input to the
// first presented frame that the host rendered in full; and steps that arrive while such a frame is being made. A markdown
// table goes to standard output.

import { readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { interruptions, quantile, rests, singleSteps } from "./steps.mjs";

const ORBIT_MILLISECONDS = 5_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { sink: { type: "string" }, network: { type: "string" }, json: { type: "string" } },
});
const [connectionFile, model, countText = "100"] = positionals;
const count = Number(countText);
if (connectionFile === undefined || !Number.isInteger(count) || count < 1) {
  console.error(
    "usage: node bench/latency.mjs CONNECTION.json [MODEL_URI] [COUNT] [--sink KIND] [--network NAME] [--json FILE]",
  );
  process.exit(2);
}

const browser = await chromium.launch({
  executablePath: process.env.REMORA_CHROMIUM ?? "/usr/bin/chromium",
  chromiumSandbox: false,
  args: [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const result = await measure(await browser.newPage({ viewport: { width: 1600, height: 800 } }));
  console.log(table(result));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await browser.close();
}

async function measure(page) {
  page.setDefaultTimeout(60_000);
  if (values.network !== undefined) {
    await page.addInitScript({ path: new URL(`../e2e/pages/${values.network}.js`, import.meta.url).pathname });
  }
  const portal = new URL(JSON.parse(readFileSync(connectionFile, "utf8")).portal);
  portal.searchParams.set("bench", "");
  if (values.sink !== undefined) portal.searchParams.set("sink", values.sink);
  await page.goto(portal.href);
  if (model !== undefined) await wantModel(page, model);

  const clicked = Date.now();
  await page.getByRole("button", { name: "New session" }).click();
  await page
    .locator("#notice")
    .waitFor({ state: "hidden", timeout: 20_000 })
    .catch(async () => {
      throw new Error(`no frame was shown: ${await page.locator("#notice").textContent()}`);
    });
  const clickToFrame = Date.now() - clicked;
  const loaded = page.getByText(/: .* triangles, \d+ parts/);
  await loaded.or(page.locator("#model-message.error")).waitFor({ timeout: 300_000 });
  const clickToModel = Date.now() - clicked;
  const message = await page.locator("#model-message").textContent();
  if (!(await loaded.isVisible())) throw new Error(`the model was not loaded: ${message}`);
  await page.getByRole("button", { name: "Overlay", pressed: true }).click();
  await page.evaluate(() => globalThis.remora.start());

  const steps = await singleSteps(page, count);
  const orbit = await page.evaluate((milliseconds) => globalThis.remora.orbit(milliseconds), ORBIT_MILLISECONDS);
  const rest = await rests(page, count);
  const interrupting = await interruptions(page, count);
  const mismatches = await page.evaluate(() => globalThis.remora.mismatches);
  const sink = await page.evaluate(() => globalThis.remora.sinkKind);
  await page.mouse.up();
  await page.getByRole("listitem").filter({ hasText: "Connected here" }).getByRole("button", { name: "Stop" }).click();
  await page.getByRole("heading", { name: "Session stopped" }).waitFor();
  return {
    model: message,
    sink,
    count,
    clickToFrame,
    clickToModel,
    steps,
    orbit,
    rest,
    interrupting,
    mismatches,
    load: loadavg()[0],
  };
}

/** Submits the form before a session exists; the page then loads this model first. */
async function wantModel(page, uri) {
  await page.getByLabel("Address of a model file").fill(uri);
  await page.locator("#model-form").evaluate((form) => form.dispatchEvent(new Event("submit", { cancelable: true })));
}

function table({ model, sink, count, clickToFrame, clickToModel, steps, orbit, rest, interrupting, mismatches, load }) {
  const ms = (value) => (value === null ? "–" : value.toFixed(1));
  const at = (list, q, of) => ms(quantile(list.map(of), q));
  const row = (name, list, of) => `| ${name} | ${at(list, 0.5, of)} | ${at(list, 0.95, of)} | |`;
  const stages = (list) =>
    ["wait", "render", "convert", "encode", "transportAndDecode", "present"]
      .map((name) => at(list, 0.5, (step) => step.stages[name]))
      .join(" | ");
  return [
    `${model} Sink: ${sink}. Load average ${load.toFixed(1)}. Click to first frame ${clickToFrame} ms, to the model ${clickToModel} ms.`,
    "",
    "| | median ms | p95 ms | |",
    "|---|---|---|---|",
    row(`input to presented, ${count} single steps`, steps, (step) => step.inputToPresented),
    row("the same, soon after the step before", interrupting, (step) => step.inputToPresented),
    row("wait for the frame before, of these", interrupting, (step) => step.stages.wait),
    row(`last input to full quality, ${rest.length} drags`, rest, (drag) => drag.inputToFull),
    row("last input to presented, of these", rest, (drag) => drag.inputToPresented),
    `| input to presented, orbiting | ${ms(orbit.inputToPresented)} | ${ms(orbit.inputToPresentedP95)} | ${orbit.framesPerSecond.toFixed(1)} distinct frames/s, rendered ${orbit.renderedWidthPixels}×${orbit.renderedHeightPixels} |`,
    "",
    "| median ms | wait | render | convert | encode | event, network, decode, paint | present |",
    "|---|---|---|---|---|---|---|",
    `| single steps | ${stages(steps)} |`,
    `| full quality | ${stages(rest)} |`,
    `| orbiting | ${["wait", "render", "convert", "encode"].map((name) => ms(orbit.stages[name])).join(" | ")} | decode ${ms(orbit.decode)}, jitter buffer ${ms(orbit.jitterBuffer)} | |`,
    ...(mismatches === 0 ? [] : ["", `${mismatches} frames did not show the pose that the host named for them.`]),
  ].join("\n");
}
