/**
 * Simulates two machines: a service in one network namespace and a browser in another.
 *
 * ```text
 *   namespace of the service                    namespace of the client
 *   remora up --share remora.test               Chromium, which trusts ca.pem
 *   coturn (for some tests)      ── link ──     /etc/hosts: remora.test
 * ```
 *
 * The link is a veth pair, or `link.py` for tests with delay, jitter, loss or a slow line. Tests set the firewall in the
 * client's namespace. {@link TwoMachines.close} removes everything.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright-core";
import type { Connection } from "../e2e/service.ts";

const CHROMIUM = process.env["REMORA_CHROMIUM"] ?? "/usr/bin/chromium";
const READY_MILLISECONDS_MAX = 30_000;
const STOP_MILLISECONDS_MAX = 10_000;

/** A line: delay and jitter in milliseconds for each direction, loss as a fraction, rate in bytes per second. */
export interface Line {
  readonly delay?: number;
  readonly jitter?: number;
  readonly loss?: number;
  readonly rate?: number;
}

/** Returns the reason why network namespaces cannot be used here, or `undefined` if they can. */
export function whyNot(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need root on Linux";
  for (const program of ["ip", "nft", "certutil"]) {
    if (!found(program)) return `${program} is not installed`;
  }
  const name = `remora-probe-${process.pid}`;
  try {
    run("ip", "netns", "add", name);
    run("ip", "netns", "del", name);
    return undefined;
  } catch {
    return "this machine does not permit network namespaces";
  }
}

/** Returns true if a program is on the path. */
export function found(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((directory) => existsSync(join(directory, program)));
}

/** Two network namespaces with their processes. */
export class TwoMachines {
  /** Addresses of the service and of the client on their link. */
  readonly serviceAddress = "10.231.7.1";
  readonly clientAddress = "10.231.7.2";
  readonly name = "remora.test";

  readonly #directory = mkdtempSync(join(tmpdir(), "remora-network-"));
  readonly #service: string;
  readonly #client: string;
  readonly #processes: ChildProcess[] = [];
  #context: BrowserContext | undefined;

  private constructor(label: string) {
    this.#service = `remora-${process.pid}-${label}-s`;
    this.#client = `remora-${process.pid}-${label}-c`;
  }

  /** Creates two namespaces and the link between them. `label` is part of their names. */
  static async open(label: string, line?: Line): Promise<TwoMachines> {
    const machines = new TwoMachines(label);
    try {
      await machines.#join(line);
    } catch (error) {
      await machines.close();
      throw error;
    }
    return machines;
  }

  async #join(line: Line | undefined): Promise<void> {
    const [service, client] = [this.#service, this.#client];
    for (const namespace of [service, client]) {
      run("ip", "netns", "add", namespace);
      run("ip", "-n", namespace, "link", "set", "lo", "up");
    }
    // `ip netns exec` shows these files in place of those in /etc.
    mkdirSync(`/etc/netns/${client}`, { recursive: true });
    writeFileSync(`/etc/netns/${client}/hosts`, `127.0.0.1 localhost\n${this.serviceAddress} ${this.name}\n`);
    if (line === undefined) {
      run("ip", "-n", service, "link", "add", "name", "link", "type", "veth", "peer", "name", "link", "netns", client);
      for (const [namespace, address] of [
        [service, this.serviceAddress],
        [client, this.clientAddress],
      ] as const) {
        run("ip", "-n", namespace, "address", "add", `${address}/24`, "dev", "link");
        run("ip", "-n", namespace, "link", "set", "dev", "link", "up");
      }
      return;
    }
    const options = Object.entries(line).flatMap(([key, value]) => [`--${key}`, String(value)]);
    const ends = [service, `${this.serviceAddress}/24`, client, `${this.clientAddress}/24`];
    const link = spawn("python3", [join(import.meta.dirname, "link.py"), ...ends, ...options], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#processes.push(link);
    await output(link, /ready/);
  }

  /** Starts `remora up --share` in the namespace of the service. `configuration` is TOML. */
  async up(remora: string, configuration = ""): Promise<Connection> {
    const data = join(this.#directory, "data");
    const config = join(this.#directory, "remora.toml");
    writeFileSync(config, configuration);
    const up = this.onService(remora, [
      "up",
      "--share",
      this.name,
      "--data-dir",
      data,
      "--config",
      config,
      "--https",
      "[::]:8443",
      "--http",
      "127.0.0.1:0",
    ]);
    const connection = join(data, "connection.json");
    await until(() => existsSync(connection) || up.exitCode !== null, "remora up was not ready in time");
    if (!existsSync(connection)) throw new Error("remora up ended before it was ready");
    return JSON.parse(readFileSync(connection, "utf8")) as Connection;
  }

  /** Starts a program in the namespace of the service; {@link close} ends it. */
  onService(program: string, programArguments: readonly string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", this.#service, program, ...programArguments], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    this.#processes.push(child);
    return child;
  }

  /** Waits until a program on the service's machine accepts TCP connections. */
  async accepts(port: number, child: ChildProcess): Promise<void> {
    const listening = () => {
      const sockets = execFileSync("ip", ["netns", "exec", this.#service, "ss", "-Hltn", `sport = :${port}`]);
      return sockets.length > 0;
    };
    await until(() => listening() || child.exitCode !== null, `port ${port} was not opened in time`);
    if (child.exitCode !== null) throw new Error(`the program for port ${port} ended early`);
  }

  /** Replaces the firewall of the client: `rules` are nftables expressions for packets that it sends. */
  firewall(rules: readonly string[]): void {
    const chain = rules.map((rule) => `    ${rule}`).join("\n");
    const table =
      `table inet remora\ndelete table inet remora\ntable inet remora {\n  chain out {\n` +
      `    type filter hook output priority 0; policy accept;\n${chain}\n  }\n}\n`;
    const file = join(this.#directory, "firewall.nft");
    writeFileSync(file, table);
    run("ip", "netns", "exec", this.#client, "nft", "-f", file);
  }

  /** Opens a browser on the client's machine. It trusts `caFile` as a person's browser would after importing it. */
  async browser(caFile: string): Promise<BrowserContext> {
    const home = join(this.#directory, "home");
    const database = join(home, ".pki/nssdb");
    mkdirSync(database, { recursive: true });
    run("certutil", "-d", `sql:${database}`, "-N", "--empty-password");
    run("certutil", "-d", `sql:${database}`, "-A", "-t", "C,,", "-n", "remora", "-i", caFile);
    const wrapper = join(this.#directory, "chromium");
    writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${this.#client} env HOME=${home} ${CHROMIUM} "$@"\n`);
    chmodSync(wrapper, 0o755);
    this.#context = await chromium.launchPersistentContext(join(home, "profile"), {
      executablePath: wrapper,
      chromiumSandbox: false,
      viewport: { width: 1280, height: 760 },
      args: [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    return this.#context;
  }

  /** Ends the browser, every process and the namespaces. */
  async close(): Promise<void> {
    await this.#context?.close().catch(() => undefined);
    for (const child of [...this.#processes].reverse()) await ended(child);
    for (const namespace of [this.#service, this.#client]) {
      try {
        run("ip", "netns", "del", namespace);
      } catch {
        // The namespace was not created.
      }
      rmSync(`/etc/netns/${namespace}`, { recursive: true, force: true });
    }
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

function run(program: string, ...programArguments: readonly string[]): void {
  execFileSync(program, programArguments, { stdio: ["ignore", "ignore", "pipe"] });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MILLISECONDS_MAX);
  child.kill("SIGTERM");
  await gone;
  clearTimeout(timer);
}

function output(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    const late = setTimeout(() => reject(new Error(`no ${pattern} in time: ${text}`)), READY_MILLISECONDS_MAX);
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (!pattern.test(text)) return;
      clearTimeout(late);
      resolve();
    });
    child.once("exit", () => reject(new Error(`ended early: ${text}`)));
  });
}

async function until(condition: () => boolean, message: string): Promise<void> {
  const deadline = Date.now() + READY_MILLISECONDS_MAX;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(message);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
