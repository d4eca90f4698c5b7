// Measures how soon the page is usable on a slow connection, in headless Chromium with network emulation.
//
//   node bench/page-load.mjs CONNECTION.json [--latency MS] [--kilobytes PER_SECOND] [--count N]
//
// There are two visits to a running `remora up` with an empty cache: to the printed address, until *New session* can be
// clicked, and to the HTTPS address without a secret, until the account can be typed. Chromium delays every request by the
// latency and divides the throughput among them; it does not delay the handshakes of TCP and TLS. A markdown table with
// medians goes to standard output.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    latency: { type: "string", default: "400" },
    kilobytes: { type: "string", default: "50" },
    count: { type: "string", default: "5" },
  },
});
const [connectionFile] = positionals;
const [latency, kilobytes, count] = [values.latency, values.kilobytes, values.count].map(Number);
if (connectionFile === undefined || ![latency, kilobytes].every((value) => value >= 0) || !(count >= 1)) {
  console.error("usage: node bench/page-load.mjs CONNECTION.json [--latency MS] [--kilobytes PER_SECOND] [--count N]");
  process.exit(2);
}

const { portal, endpoint } = JSON.parse(readFileSync(connectionFile, "utf8"));
const VISITS = [
  { name: "printed address, until a session can be leased", address: portal, ready: "#new-session:enabled" },
  { name: "HTTPS address, until the account can be typed", address: endpoint, ready: "#sign-in-account" },
];

const browser = await chromium.launch({
  executablePath: process.env.REMORA_CHROMIUM ?? "/usr/bin/chromium",
  chromiumSandbox: false,
  args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
try {
  console.log(`| ${latency} ms a request, ${kilobytes} kB/s, medians of ${count} | ms | requests | kB |`);
  console.log("|---|---|---|---|");
  for (const visit of VISITS) {
    const results = [];
    for (let each = 0; each < count; each += 1) results.push(await load(visit));
    const median = (name) => results.map((result) => result[name]).sort((a, b) => a - b)[Math.floor(count / 2)];
    console.log(
      `| ${visit.name} | ${Math.round(median("milliseconds"))} | ${median("requests")} | ${(median("bytes") / 1_000).toFixed(1)} |`,
    );
  }
} finally {
  await browser.close();
}

/** Visits an address with an empty cache; counts time, requests and bytes until the page is usable. */
async function load({ address, ready }) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const network = await context.newCDPSession(page);
  const result = { milliseconds: 0, requests: 0, bytes: 0 };
  network.on("Network.requestWillBeSent", () => {
    result.requests += 1;
  });
  network.on("Network.loadingFinished", ({ encodedDataLength }) => {
    result.bytes += encodedDataLength;
  });
  await network.send("Network.enable");
  const throughput = kilobytes * 1_000;
  const conditions = { offline: false, latency, downloadThroughput: throughput, uploadThroughput: throughput };
  await network.send("Network.emulateNetworkConditions", conditions);
  const begun = performance.now();
  await page.goto(address, { waitUntil: "commit", timeout: 60_000 });
  await page.locator(ready).waitFor({ timeout: 60_000 });
  result.milliseconds = performance.now() - begun;
  const snapshot = { ...result };
  await context.close();
  return snapshot;
}
