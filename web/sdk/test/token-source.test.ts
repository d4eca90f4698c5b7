import { afterEach, describe, expect, test, vi } from "vitest";
import { RemoraError } from "../src/errors.ts";
import { TokenSource } from "../src/rest/token-source.ts";

/** Returns an unsigned JSON Web Token that expires at this time, in seconds since 1970. */
function tokenUntil(expiry: number, name = ""): string {
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  return `${part({ alg: "none" })}.${part({ exp: expiry, name })}.`;
}

describe("TokenSource", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  test("caches a token and renews it before it expires", async () => {
    let now = 1_000_000_000;
    const obtain = vi.fn(async () => tokenUntil(now / 1_000 + 3_600));
    const source = new TokenSource(obtain, () => now);
    const first = await source.token();
    now += 3_600_000 - 5 * 60_000 - 1;
    expect(await source.token()).toBe(first);
    now += 1;
    expect(await source.token()).not.toBe(first);
    expect(obtain).toHaveBeenCalledTimes(2);
  });

  test("derives the lifetime from the token alone if it contains its time of issue", async () => {
    let now = 0;
    const obtain = vi.fn(async () => `.${btoa(JSON.stringify({ iat: 5_000_000, exp: 5_001_000 }))}.`);
    const source = new TokenSource(obtain, () => now);
    await source.token();
    now = 799_999;
    await source.token();
    expect(obtain).toHaveBeenCalledTimes(1);
    now = 800_000;
    await source.token();
    expect(obtain).toHaveBeenCalledTimes(2);
  });

  test("takes the lifetime of an opaque token from the callback, and renews short-lived tokens at four fifths", async () => {
    let now = 0;
    const obtain = vi.fn(async () => ({ accessToken: "opaque", expiresInSeconds: 60 }));
    const source = new TokenSource(obtain, () => now);
    await source.token();
    now = 47_999;
    await source.token();
    expect(obtain).toHaveBeenCalledTimes(1);
    now = 48_000;
    await source.token();
    expect(obtain).toHaveBeenCalledTimes(2);
  });

  test("calls back each time if a token has no known lifetime", async () => {
    const obtain = vi.fn(async () => "opaque");
    const source = TokenSource.fromCallback(obtain);
    await source.token();
    await source.token();
    expect(obtain).toHaveBeenCalledTimes(2);
  });

  test("sends one request for all waiting callers, and aborts only the callers that ask for it", async () => {
    let answer = (_: string) => {};
    const obtain = vi.fn(
      () =>
        new Promise<string>((resolve) => {
          answer = resolve;
        }),
    );
    const source = TokenSource.fromCallback(obtain);
    const aborting = new AbortController();
    const patient = source.token();
    const impatient = source.token({ signal: aborting.signal });
    aborting.abort();
    await expect(impatient).rejects.toMatchObject({ name: "RemoraError", code: "aborted" });
    answer("token");
    expect(await patient).toBe("token");
    expect(obtain).toHaveBeenCalledTimes(1);
  });

  test("rejects all waiting callers after a failure, and tries again in the next call", async () => {
    const obtain = vi.fn(async () => "token").mockRejectedValueOnce(new RemoraError("service-unreachable", "down"));
    const source = TokenSource.fromCallback(obtain);
    const calls = await Promise.allSettled([source.token(), source.token()]);
    expect(calls.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await source.token()).toBe("token");
  });

  test("repeats a failed renewal, and uses the old token until it expires", async () => {
    let now = 0;
    const obtain = vi.fn(async () => ({ accessToken: "old", expiresInSeconds: 3_600 }));
    const source = new TokenSource(obtain, () => now);
    await source.token();
    expect(source.endsAt).toBe(3_600_000);
    obtain.mockRejectedValue(new RemoraError("service-unreachable", "down"));
    now = 55 * 60_000;
    expect([await source.token(), await source.token()]).toEqual(["old", "old"]);
    expect(obtain).toHaveBeenCalledTimes(2);
    now += 30_000;
    expect(await source.token()).toBe("old");
    expect(obtain).toHaveBeenCalledTimes(3);
    now = 3_600_000;
    await expect(source.token()).rejects.toThrow("down");
  });

  test("drops a token that a server refused", async () => {
    const tokens = [tokenUntil(1e12, "first"), tokenUntil(1e12, "second")];
    const source = TokenSource.fromCallback(async () => tokens.shift() ?? "");
    const first = await source.token();
    source.refused("another");
    expect(await source.token()).toBe(first);
    source.refused(first);
    expect(await source.token()).not.toBe(first);
  });

  test("exchanges account keys and identity tokens at the token service", async () => {
    const asked: [string, string | null][] = [];
    const fetch: typeof globalThis.fetch = async (url, init) => {
      asked.push([String(url), new Headers(init?.headers).get("Authorization")]);
      return new Response(JSON.stringify({ AccessToken: "access" }));
    };
    const service = { endpoint: "https://service", account: "a b", fetch };
    expect(await TokenSource.fromKey({ ...service, key: "k+y=" }).token()).toBe("access");
    expect(await TokenSource.fromIdentity({ ...service, identityToken: async () => "oidc" }).token()).toBe("access");
    expect(asked).toEqual([
      ["https://service/accounts/a%20b/token", "Bearer a b:k+y="],
      ["https://service/accounts/a%20b/token", "Bearer oidc"],
    ]);
  });

  test.each([
    [new Response(" token\n"), { endsAt: 0 }],
    [new Response(JSON.stringify({ accessToken: "token", expiresInSeconds: 60 })), { endsAt: 60_000 }],
  ])("an address of the page's own server answers with a token, as text or JSON", async (answer, { endsAt }) => {
    vi.useFakeTimers({ now: 0, toFake: ["Date"] });
    vi.stubGlobal("fetch", async () => answer);
    const source = TokenSource.fromServer("/token");
    expect(await source.token()).toBe("token");
    expect(source.endsAt).toBe(endsAt);
  });

  test.each([
    [new Response("<html>Sign in first</html>"), "unauthorized"],
    [new Response("Sign in first", { status: 401 }), "unauthorized"],
    [new Response("{}"), "unauthorized"],
    [new Response("{"), "unexpected-answer"],
    [new TypeError("Failed to fetch"), "service-unreachable"],
  ])("rejects %o as a token", async (answer, code) => {
    vi.stubGlobal("fetch", async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    });
    await expect(TokenSource.fromServer("/token").token()).rejects.toMatchObject({ name: "RemoraError", code });
  });

  test.each([
    [new TypeError("Failed to fetch"), "service-unreachable"],
    [new Error("no user"), "unexpected-answer"],
    [new RemoraError("forbidden", "no"), "forbidden"],
  ])("turns everything that a callback throws into a RemoraError: %s", async (thrown, code) => {
    const source = TokenSource.fromCallback(() => Promise.reject(thrown));
    await expect(source.token()).rejects.toMatchObject({ name: "RemoraError", code });
  });

  test.each([
    [401, "", "unauthorized"],
    [403, "", "forbidden"],
    [429, "", "too-many-requests"],
    [200, "{}", "unexpected-answer"],
    [200, "<html>", "unexpected-answer"],
  ])("returns the right error for status %i with the body %j", async (status, body, code) => {
    const fetch = async () => new Response(body, { status });
    const source = TokenSource.fromKey({ endpoint: "https://service", account: "a", key: "k", fetch });
    await expect(source.token()).rejects.toMatchObject({ code });
  });
});
