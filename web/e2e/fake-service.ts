/**
 * Simulates a service: the files of the portal, sign-in, tokens, sessions, and the handshake of a fake host. Like the real
 * service, it answers pages of other origins only if they are in `origins`.
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { IdentityProvider } from "../portal/src/sign-in/configuration.ts";
import type { FakeHost } from "./fake-host.ts";

const DIST = join(import.meta.dirname, "../portal/dist");
const SECRET = "right";
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

const OFFER = {
  defaultModel: "builtin://Engine?triangles=200000",
  models: [
    { uri: "builtin://Engine?triangles=50000", label: "Engine, 50 thousand triangles", triangles: 50_000 },
    { uri: "builtin://Engine?triangles=200000", label: "Engine, 200 thousand triangles", triangles: 200_000 },
  ],
};

/** A session; `asked` counts the requests for it. */
interface FakeSession {
  status: "Starting" | "Ready" | "Stopped" | "Error";
  maxLeaseTimeMinutes: number;
  asked: number;
}

/** The answer of the token service in place of an access token. */
export interface TokenRefusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A port on which nothing listens. */
export const SILENT_PORT = 9;
export const ACCOUNT = "d9e28f0c-0bd1-4c2c-9d9d-5a3f2d5d8a10";
export const KEY = "a key / with + signs=";

/** A running fake service. */
export class FakeService {
  /** The ways to sign in, which the page requests. */
  readonly signIn = { secret: true, accountKey: true, identityProviders: [] as IdentityProvider[] };
  certificateLocal = false;
  /** The bearer credentials of all requests to the token service. */
  readonly credentials: string[] = [];
  /** Returns true if a provider's token opens the account; the real service verifies the token. */
  accepts: (token: string) => Promise<boolean> = async () => false;
  tokenRefusal: TokenRefusal | null = null;
  /** Serves an empty page in place of the portal, so that a provider's answer stays in the address. */
  blank = false;
  tokenLifeSeconds = 3_600;
  readonly sessions = new Map<string, FakeSession>();
  /** The reason why sessions fail to start; null if they start. */
  startFailure: string | null = null;
  /** The owner of the sessions; null for a service that does not record owners. */
  owner: { readonly issuer?: string; readonly subject?: string; readonly name: string } | null = null;
  /** True if the address of the render host does not answer. */
  hostSilent = false;
  inUse = false;
  /** Other origins that may use the service and connect to the host. */
  readonly origins = new Set<string>();
  /** TURN servers; null for a service without them. */
  iceServers: object[] | null = null;
  /** The number of handshakes that get no answer. */
  handshakeFailures = 0;
  /** The number of offers that have arrived. */
  handshakes = 0;
  readonly #host: FakeHost;
  readonly #portal: Server;
  readonly #handshake: Server;

  private constructor(host: FakeHost) {
    this.#host = host;
    this.#portal = createServer((request, response) => void this.#serve(request, response));
    this.#handshake = createServer((request, response) => void this.#shakeHands(request, response));
  }

  static async start(host: FakeHost): Promise<FakeService> {
    const service = new FakeService(host);
    for (const server of [service.#portal, service.#handshake]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    return service;
  }

  get origin(): string {
    return `http://localhost:${port(this.#portal)}`;
  }

  get address(): string {
    return `${this.origin}/#secret=${SECRET}`;
  }

  /** Ends all sessions with this error. */
  fail(message: string): void {
    this.startFailure = message;
    for (const session of this.sessions.values()) session.status = "Error";
  }

  close(): void {
    for (const server of [this.#portal, this.#handshake]) {
      server.close();
      server.closeAllConnections();
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", this.origin);
    if (pathname === "/origin") return this.#origin(request, response);
    if (pathname.startsWith("/accounts/") && !this.#admit(request, response)) return;
    if (pathname === "/portal/configuration") {
      const { signIn, certificateLocal: local } = this;
      return json(response, 200, { endpoint: this.origin, signIn, certificate: { local } });
    }
    if (pathname === "/portal/models") return this.#models(request, response);
    if (pathname === "/ca.pem")
      return void response.writeHead(200, { "Content-Type": "application/x-pem-file" }).end("CA");
    if (/^\/accounts\/[^/]+\/token$/.test(pathname)) return this.#token(pathname, request, response);
    if (pathname === "/portal/sign-in") return this.#signIn(await body(request), response);
    if (pathname.startsWith("/accounts/")) return this.#rest(request.method, pathname, await body(request), response);
    if (this.blank) return void response.writeHead(200, { "Content-Type": "text/html" }).end("<title>Blank</title>");
    const file = normalize(pathname === "/" ? "/index.html" : pathname);
    const content = await readFile(join(DIST, file)).catch(() => null);
    if (content === null) return void response.writeHead(404).end();
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Content-Security-Policy":
        `default-src 'self'; script-src ${inline(content, "script")}; style-src ${inline(content, "style")}; ` +
        "connect-src 'self' http://localhost:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    });
    response.end(content);
  }

  /** Answers every page whether its origin is allowed. */
  #origin({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
    response.setHeader("Access-Control-Allow-Origin", "*");
    const allowed = origin === undefined || origin === this.origin || this.origins.has(origin);
    json(response, 200, { origin: origin ?? null, allowed });
  }

  /** Returns true if the origin is allowed; answers preflight requests and refuses other origins itself. */
  #admit(request: IncomingMessage, response: ServerResponse): boolean {
    const { origin } = request.headers;
    if (origin !== undefined && origin !== this.origin && !this.origins.has(origin)) {
      json(response, 403, { error: { code: "Forbidden", message: `pages of ${origin} may not connect` } });
      return false;
    }
    if (origin !== undefined) {
      response.setHeader("Access-Control-Allow-Origin", origin);
      response.setHeader("Access-Control-Allow-Headers", "authorization, content-type");
      response.setHeader("Access-Control-Allow-Methods", "GET, PUT, POST, PATCH");
    }
    if (request.method !== "OPTIONS") return true;
    response.writeHead(204).end();
    return false;
  }

  #signIn(text: string, response: ServerResponse): void {
    if (JSON.parse(text).secret !== SECRET) {
      return json(response, 401, { error: { code: "Unauthorized", message: "wrong secret" } });
    }
    json(response, 200, {
      accountId: ACCOUNT,
      accessToken: "token",
      expiresInSeconds: 3_600,
      ...OFFER,
    });
  }

  #models(request: IncomingMessage, response: ServerResponse): void {
    if (!request.headers.authorization?.startsWith("Bearer ")) return json(response, 401, {});
    json(response, 200, OFFER);
  }

  async #token(pathname: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const credential = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    this.credentials.push(credential);
    if (this.tokenRefusal !== null) {
      return void response.writeHead(this.tokenRefusal.status, { ...this.tokenRefusal.headers }).end();
    }
    const account = pathname.split("/")[2];
    const opened = credential.includes(":") ? credential === `${ACCOUNT}:${KEY}` : await this.accepts(credential);
    if (account !== ACCOUNT || !opened) return void response.writeHead(401).end();
    json(response, 200, { AccessToken: this.issue() });
  }

  /** Returns an unsigned access token that expires after `tokenLifeSeconds`. */
  issue(): string {
    const now = Math.floor(Date.now() / 1_000);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    return `${part({ alg: "none" })}.${part({ iat: now, exp: now + this.tokenLifeSeconds })}.x`;
  }

  #rest(method: string | undefined, pathname: string, text: string, response: ServerResponse): void {
    const [, , account, , id, action] = pathname.split("/");
    if (account !== ACCOUNT) return json(response, 403, { error: { code: "Forbidden", message: "not your account" } });
    if (id === undefined) {
      const live = [...this.sessions].filter(([, { status }]) => status === "Starting" || status === "Ready");
      return json(response, 200, { sessions: live.map(([each]) => this.#session(each)) });
    }
    if (method === "PUT") {
      const { maxLeaseTimeMinutes } = JSON.parse(text);
      this.sessions.set(id, { status: "Starting", maxLeaseTimeMinutes, asked: 0 });
      return json(response, 201, this.#session(id));
    }
    const session = this.sessions.get(id);
    if (session === undefined) return void response.writeHead(404).end();
    if (action === "ice-servers") {
      if (this.iceServers === null) return void response.writeHead(404).end();
      return json(response, 200, { iceServers: this.iceServers, expiresInSeconds: 600 });
    }
    if (action === ":stop") {
      session.status = "Stopped";
      response.writeHead(204).end();
      const reason = { $typeName: "remora.v1.SessionEnding" as const, reason: 1, message: "The session was stopped." };
      // A page that is unloaded stops its session when the test, and with it the host, may be over.
      this.#host.send({ case: "sessionEnding", value: reason }).catch(() => {});
      return;
    }
    if (method === "PATCH") session.maxLeaseTimeMinutes = JSON.parse(text).maxLeaseTimeMinutes;
    if (method === "GET") {
      session.asked += 1;
      if (session.status === "Starting" && session.asked > 1) {
        session.status = this.startFailure === null ? "Ready" : "Error";
      }
    }
    json(response, 200, this.#session(id));
  }

  #session(id: string): object {
    const session = this.sessions.get(id);
    return {
      id,
      creationTime: "2026-01-01T00:00:00+00:00",
      ...(session?.status === "Ready"
        ? {
            hostname: "localhost",
            handshakePort: this.hostSilent ? SILENT_PORT : port(this.#handshake),
            arrInspectorPort: 1,
          }
        : {}),
      ...(this.owner === null ? {} : { owner: this.owner }),
      elapsedTimeMinutes: 0,
      maxLeaseTimeMinutes: session?.maxLeaseTimeMinutes,
      size: "Standard",
      status: session?.status,
      ...(session?.status === "Error" ? { error: { code: "HostFailed", message: this.startFailure } } : {}),
    };
  }

  async #shakeHands(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === "/origin") return this.#origin(request, response);
    if (!this.#admit(request, response)) return;
    if (request.method !== "POST") return void response.writeHead(405).end();
    const offer = await body(request);
    this.handshakes += 1;
    if (this.handshakes <= this.handshakeFailures) return void request.socket.destroy();
    if (this.inUse) return json(response, 409, { error: { code: "SessionInUse", message: "in use" } });
    response.writeHead(201, { "Content-Type": "application/sdp" }).end(await this.#host.answer(offer));
  }
}

/** Returns the sources that allow the inline content of the page, by digests as in the real service. */
function inline(page: Buffer, tag: "script" | "style"): string {
  const contents = page.toString().matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"));
  const digests = [...contents].map(([, content = ""]) => createHash("sha256").update(content).digest("base64"));
  return ["'self'", ...digests.map((digest) => `'sha256-${digest}'`)].join(" ");
}

function port(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "Content-Type": "application/json; charset=utf-8" }).end(JSON.stringify(value));
}
