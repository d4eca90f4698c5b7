import { afterEach, expect, test, vi } from "vitest";

import { exchangeOffer } from "../src/connection/handshake.ts";

const HOST = { hostname: "localhost", handshakePort: 50_000, secure: true };
const OTHER = { ...HOST, handshakePort: 50_002 };

function storageOf(entries: Map<string, string>): Pick<Storage, "getItem" | "setItem"> {
  return { getItem: (key) => entries.get(key) ?? null, setItem: (key, value) => void entries.set(key, value) };
}

function sentHeaders(fetch: ReturnType<typeof vi.fn>, call: number): Headers {
  return new Headers(fetch.mock.calls[call]?.[1].headers);
}

afterEach(() => vi.unstubAllGlobals());

test("the secret of a host is sent back to that host only", async () => {
  vi.stubGlobal("sessionStorage", storageOf(new Map()));
  const fetch = vi.fn(async () => new Response("v=0", { status: 201, headers: { "Remora-Resume": "secret" } }));
  vi.stubGlobal("fetch", fetch);
  const deadline = new AbortController().signal;
  for (const host of [HOST, HOST, OTHER]) {
    expect(await exchangeOffer(host, "token", "v=0", deadline)).toBe("v=0");
  }
  expect([0, 1, 2].map((call) => sentHeaders(fetch, call).get("Remora-Resume"))).toEqual([null, "secret", null]);
});

test("a page without storage connects without a secret", async () => {
  vi.stubGlobal("sessionStorage", undefined);
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => new Response("v=0", { status: 201, headers: { "Remora-Resume": "secret" } })),
  );
  expect(await exchangeOffer(HOST, "token", "v=0", new AbortController().signal)).toBe("v=0");
});
