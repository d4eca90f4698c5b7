/** Debian's Chromium, headless and without a network of its own. */

import { type Browser, chromium } from "playwright-core";

const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["REMORA_CHROMIUM"] ?? "/usr/bin/chromium",
    // In a container there is nothing that Chromium's own sandbox could be made of.
    chromiumSandbox: false,
    args: [...FLAGS, ...flags],
  });
}
