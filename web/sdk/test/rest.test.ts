import { afterEach, describe, expect, test, vi } from "vitest";
import { RequestRefused } from "../src/errors.ts";
import { RemoteRenderingClient } from "../src/rest/client.ts";
import type { Scheduler } from "../src/scheduler.ts";

const STARTING = {
  id: "one",
  creationTime: "2026-05-02T11:24:13+00:00",
  maxLeaseTimeMinutes: 60,
  elapsedTimeMinutes: 0,
  size: "Standard",
  status: "Starting",
};
const READY = { ...STARTING, status: "Ready", hostname: "localhost", handshakePort: 50_000, arrInspectorPort: 50_001 };

interface Call {
  url: string;
  method: string | undefined;
  authorization: string | null;
  body: unknown;
}

/** Returns a client that receives the given answers in their order, and records its requests. */
function client(...answers: (Response | Error)[]) {
  const calls: Call[] = [];
  const pauses: number[] = [];
  let now = 0;
  const scheduler: Scheduler = {
    now: () => now,
    after(milliseconds, callback) {
      pauses.push(milliseconds);
      now += milliseconds;
      queueMicrotask(callback);
      return () => {};
    },
  };
  const rest = new RemoteRenderingClient({
    endpoint: "https://service",
    accountId: "account",
    accessToken: async () => "token",
    scheduler,
    fetch: async (url, init) => {
      const body = typeof init?.body === "string" ? JSON.parse(init.body) : undefined;
      const authorization = new Headers(init?.headers).get("Authorization");
      calls.push({ url: String(url), method: init?.method, authorization, body });
      const answer = answers.shift();
      if (answer === undefined) throw new Error("unexpected request");
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { rest, calls, pauses };
}

const json = (body: unknown, init?: ResponseInit) => new Response(JSON.stringify(body), init);

describe("RemoteRenderingClient", () => {
  test.each([
    [undefined, null],
    ["ada", null],
    [{ name: "account key" }, { issuer: null, subject: null, name: "account key" }],
    [
      { issuer: "https://id.example", subject: "ada", name: "Ada Lovelace" },
      { issuer: "https://id.example", subject: "ada", name: "Ada Lovelace" },
    ],
  ])("reads the creator of a session: %j", async (given, owner) => {
    const { rest } = client(json({ ...READY, owner: given }));
    expect((await rest.getSession("one")).owner).toEqual(owner);
  });

  test("sends the requests of API 2021-01-01", async () => {
    const { rest, calls } = client(
      json(STARTING, { status: 201 }),
      json(READY),
      json(READY),
      new Response(null, { status: 204 }),
    );
    await rest.createSession("one", { size: "Standard", maxLeaseTimeMinutes: 60 });
    await rest.getSession("one");
    await rest.updateLease("one", 90);
    await rest.stopSession("one");
    const url = "https://service/accounts/account/sessions/one?api-version=2021-01-01";
    const authorization = "Bearer token";
    expect(calls).toEqual([
      { url, method: "PUT", authorization, body: { size: "Standard", maxLeaseTimeMinutes: 60 } },
      { url, method: "GET", authorization, body: undefined },
      { url, method: "PATCH", authorization, body: { maxLeaseTimeMinutes: 90 } },
      { url: url.replace("one?", "one/:stop?"), method: "POST", authorization, body: undefined },
    ]);
  });

  test("reads the address of a ready session", async () => {
    const { rest } = client(json(READY));
    expect(await rest.getSession("one")).toMatchObject({
      status: "Ready",
      address: { hostname: "localhost", handshakePort: 50_000, inspectorPort: 50_001 },
    });
  });

  test("follows the links of a list unchanged", async () => {
    const { rest, calls } = client(
      json({ sessions: [STARTING], "@nextLink": "https://service/more?skip=1" }),
      json({ sessions: [READY] }),
    );
    expect(await rest.listSessions()).toHaveLength(2);
    expect(calls[1]?.url).toBe("https://service/more?skip=1");
  });

  test("throws the error of the service", async () => {
    const { rest } = client(json({ error: { code: "Conflict", message: "It exists." } }, { status: 409 }));
    const refused = await rest.getSession("one").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RequestRefused);
    expect(refused).toMatchObject({ status: 409, code: "conflict", serviceCode: "Conflict", message: "It exists." });
  });

  test.each([
    [401, "", "unauthorized"],
    [403, "", "forbidden"],
    [404, "", "not-found"],
    [404, "<html>", "not-found"],
    [418, '{"error":{"code":7}}', "bad-request"],
    [429, '{"error":{"code":"QuotaExceeded","message":"20 sessions are live"}}', "quota-exceeded"],
    [500, "null", "service-failed"],
  ])("has a message for status %i with the body %j", async (status, body, code) => {
    const { rest } = client(new Response(body, { status }));
    const refused = await rest.getSession("one").catch((error: unknown) => error);
    expect(refused).toMatchObject({ status, code });
    expect((refused as Error).message).not.toBe("");
  });

  test("passes on the time to wait before another attempt", async () => {
    const { rest } = client(new Response("", { status: 429, headers: { "Retry-After": "15" } }));
    await expect(rest.listSessions()).rejects.toMatchObject({ code: "too-many-requests", retryAfterSeconds: 15 });
  });

  test("distinguishes a service that does not answer from one that refuses", async () => {
    const { rest } = client(new TypeError("network"));
    await expect(rest.getSession("one")).rejects.toMatchObject({ code: "service-unreachable" });
  });

  test("rejects an incomplete answer, and aborts one that takes too long", async () => {
    const body = (error: Error) => new Response(new ReadableStream({ pull: (controller) => controller.error(error) }));
    const { rest } = client(body(new TypeError("network")), body(new TypeError("network")));
    await expect(rest.getSession("one")).rejects.toMatchObject({ name: "RemoraError", code: "service-unreachable" });
    await expect(rest.stopSession("one")).rejects.toMatchObject({ name: "RemoraError", code: "service-unreachable" });
    const aborting = new AbortController();
    const endless = new Response(
      new ReadableStream({
        pull(controller) {
          aborting.abort();
          controller.error(aborting.signal.reason);
        },
      }),
    );
    const { rest: slow } = client(endless);
    await expect(slow.getSession("one", { signal: aborting.signal })).rejects.toMatchObject({ code: "aborted" });
  });

  test.each([[null], [[]], [{}], [{ ...READY, handshakePort: "50000" }], [{ ...STARTING, status: "Sleeping" }]])(
    "refuses %j as a session",
    async (body) => {
      const { rest } = client(json(body));
      await expect(rest.getSession("one")).rejects.toMatchObject({ code: "unexpected-answer" });
    },
  );

  test("polls with growing pauses until the session is ready", async () => {
    const { rest, pauses } = client(...Array.from({ length: 20 }, () => json(STARTING)), json(READY));
    expect((await rest.waitUntilReady("one")).status).toBe("Ready");
    expect(pauses[0]).toBeLessThanOrEqual(100);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses.at(-1)).toBe(1_000);
  });

  test("reports why a session did not become ready", async () => {
    const failed = { ...STARTING, status: "Error", error: { code: "HostFailed", message: "No Vulkan driver." } };
    await expect(client(json(failed)).rest.waitUntilReady("one")).rejects.toMatchObject({
      code: "session-failed",
      message: "No Vulkan driver.",
    });
  });

  test("stops waiting after the timeout", async () => {
    const { rest } = client(...Array.from({ length: 20 }, () => json(STARTING)));
    await expect(rest.waitUntilReady("one", { timeoutMilliseconds: 2_000 })).rejects.toMatchObject({ code: "timeout" });
  });

  test("an aborted call sends no further request", async () => {
    const { rest, calls } = client(json(STARTING));
    await expect(rest.getSession("one", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
    const aborting = new AbortController();
    const wait = rest.waitUntilReady("one", { signal: aborting.signal, onChange: () => aborting.abort() });
    await expect(wait).rejects.toMatchObject({ code: "aborted" });
    expect(calls).toHaveLength(1);
  });

  test("tries once more with a new token after a token was refused", async () => {
    const tokens = ["old", "new"];
    const asked: (string | null)[] = [];
    const rest = new RemoteRenderingClient({
      endpoint: "https://service",
      accountId: "account",
      accessToken: () => tokens.shift() ?? "none",
      fetch: async (_, init) => {
        const authorization = new Headers(init?.headers).get("Authorization");
        asked.push(authorization);
        return authorization === "Bearer new" ? json(READY) : new Response("", { status: 401 });
      },
    });
    expect((await rest.getSession("one")).status).toBe("Ready");
    expect(asked).toEqual(["Bearer old", "Bearer new"]);
  });

  test("distinguishes an expired token from a wrong one", async () => {
    const accessToken = `.${btoa(JSON.stringify({ exp: 1 }))}.`;
    const fetch = async () => new Response("", { status: 401 });
    const rest = new RemoteRenderingClient({ endpoint: "https://service", accountId: "account", accessToken, fetch });
    await expect(rest.getSession("one")).rejects.toMatchObject({ code: "token-expired", status: 401 });
  });

  test("returns no TURN servers if the service has none", async () => {
    const { rest, calls } = client(new Response("", { status: 404 }));
    expect(await rest.iceServers("one")).toEqual({ iceServers: [], expiresInSeconds: null });
    expect(calls[0]?.url).toBe("https://service/accounts/account/sessions/one/ice-servers?api-version=2021-01-01");
  });

  test("reads TURN servers with their credentials", async () => {
    const server = { urls: ["turn:turn.example.com:3478?transport=udp"], username: "u", credential: "c" };
    const { rest } = client(json({ iceServers: [server], expiresInSeconds: 3_600 }));
    expect(await rest.iceServers("one")).toEqual({ iceServers: [server], expiresInSeconds: 3_600 });
    const { rest: other } = client(json({ iceServers: [{ urls: [7] }] }));
    await expect(other.iceServers("one")).rejects.toMatchObject({ code: "unexpected-answer" });
  });
});

describe("a refused origin", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** Calls a service of which the page can read only the answer of /origin, and returns the error code. */
  async function codeOf(origin: () => Response): Promise<unknown> {
    vi.stubGlobal("location", { origin: "https://page.example.com", href: "https://page.example.com/" });
    const rest = new RemoteRenderingClient({
      endpoint: "https://service",
      accountId: "account",
      accessToken: "token",
      fetch: async (url) => {
        if (url !== "https://service/origin") throw new TypeError("Failed to fetch");
        return origin();
      },
    });
    return rest.getSession("one").catch((error: unknown) => (error as { code: string }).code);
  }

  test("is distinguished from a service that does not answer and from a short failure of the network", async () => {
    expect(await codeOf(() => json({ origin: "https://page.example.com", allowed: false }))).toBe("origin-refused");
    expect(await codeOf(() => json({ origin: "https://page.example.com", allowed: true }))).toBe("service-unreachable");
    expect(await codeOf(() => new Response("", { status: 404 }))).toBe("service-unreachable");
    const fails = () => {
      throw new TypeError("Failed to fetch");
    };
    expect(await codeOf(fails)).toBe("service-unreachable");
  });
});
