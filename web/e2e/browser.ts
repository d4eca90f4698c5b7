/** Launches a headless Chromium. */

import { type Browser, chromium } from "playwright-core";

const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Launches the browser of `REMORA_CHROMIUM`, or Debian's Chromium, without background traffic. */
export function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["REMORA_CHROMIUM"] ?? "/usr/bin/chromium",
    // Chromium's sandbox does not work in containers.
    chromiumSandbox: false,
    args: [...FLAGS, ...flags],
  });
}
