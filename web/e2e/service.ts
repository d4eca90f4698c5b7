/** Starts services for single tests, on free ports and in temporary directories. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const START_MILLISECONDS_MAX = 30_000;

/** A running process, its directory, and its output. */
export class Service {
  readonly #process: ChildProcess;
  readonly directory: string;
  #output = "";

  private constructor(program: string, directory: string, args: string[]) {
    this.directory = directory;
    this.#process = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on("data", (text: Buffer) => (this.#output = (this.#output + text.toString()).slice(-20_000)));
    }
  }

  /** Starts a program and waits until `ready` returns true. */
  static async start(
    program: string,
    args: (directory: string) => string[],
    ready: (directory: string) => boolean | Promise<boolean>,
  ): Promise<Service> {
    const directory = mkdtempSync(join(tmpdir(), "remora-test-"));
    const service = new Service(program, directory, args(directory));
    const until = Date.now() + START_MILLISECONDS_MAX;
    while (!(await ready(directory))) {
      if (service.#process.exitCode !== null || Date.now() > until) {
        const output = service.#output;
        await service.stop();
        throw new Error(`${program} was not ready within ${START_MILLISECONDS_MAX / 1_000} s; its output:\n${output}`);
      }
      await wait(50);
    }
    return service;
  }

  /** The end of everything that the process has written so far. */
  get output(): string {
    return this.#output;
  }

  /** Ends the process and removes its directory. */
  async stop(): Promise<void> {
    const ended = this.#process.exitCode === null ? once(this.#process, "exit") : undefined;
    this.#process.kill("SIGTERM");
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts `remora up` with a configuration. */
export function startRemora(executable: string, configuration: string): Promise<Service> {
  return Service.start(
    executable,
    (directory) => {
      const file = join(directory, "remora.toml");
      writeFileSync(file, configuration);
      const data = join(directory, "data");
      return ["up", "--data-dir", data, "--config", file, "--https", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    },
    (directory) => existsSync(connectionFile(directory)),
  );
}

/** The properties of `connection.json` that tests need. */
export interface Connection {
  readonly endpoint: string;
  /** The address that signs in on the same machine. */
  readonly portal: string;
  readonly accountId: string;
  readonly accountKey: string;
  readonly caFile: string;
}

/** Reads the `connection.json` of a `remora up`. */
export function connectionOf(service: Service): Connection {
  return JSON.parse(readFileSync(connectionFile(service.directory), "utf8")) as Connection;
}

function connectionFile(directory: string): string {
  return join(directory, "data", "connection.json");
}

/** A running TURN server. */
export interface TurnServer {
  service: Service;
  /** Addresses for UDP, TCP and TLS. */
  urls: [string, string, string];
}

/** Starts coturn on loopback, with time-limited credentials that are derived from a secret. */
export async function startTurnServer(secret: string): Promise<TurnServer> {
  const [plain, tls] = [await freePort(), await freePort()];
  const service = await Service.start(
    "turnserver",
    (directory) => {
      const [certificate, key] = [join(directory, "certificate.pem"), join(directory, "key.pem")];
      const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
      execFileSync("openssl", [...request, "-keyout", key, "-out", certificate], { stdio: "ignore" });
      return [
        ...turnServerArguments("127.0.0.1", plain, secret),
        `--tls-listening-port=${tls}`,
        `--cert=${certificate}`,
        `--pkey=${key}`,
        "--allow-loopback-peers",
        `--pidfile=${join(directory, "pid")}`,
        `--userdb=${join(directory, "users")}`,
      ];
    },
    async () => (await accepts(plain)) && (await accepts(tls)),
  );
  return {
    service,
    urls: [
      `turn:127.0.0.1:${plain}?transport=udp`,
      `turn:127.0.0.1:${plain}?transport=tcp`,
      `turns:localhost:${tls}?transport=tcp`,
    ],
  };
}

/** Returns the arguments of coturn for an address and a port, with credentials that are derived from a secret. */
export function turnServerArguments(address: string, port: number, secret: string): string[] {
  return [
    // Ignores the configuration file of the machine.
    "-n",
    `--listening-ip=${address}`,
    `--relay-ip=${address}`,
    `--listening-port=${port}`,
    "--no-dtls",
    "--no-cli",
    "--realm=remora.test",
    "--use-auth-secret",
    `--static-auth-secret=${secret}`,
    "--log-file=stdout",
    "--simple-log",
  ];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return address.port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
