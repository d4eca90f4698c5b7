import { describe, expect, test } from "vitest";
import { AccessTokens } from "../src/sign-in/access-tokens.ts";
import { lifeSeconds } from "../src/sign-in/token-service.ts";

const HOUR = 3_600;

describe("access tokens", () => {
  test("the first token is used until shortly before its end, and then renewed once for all who ask", async () => {
    let now = 0;
    let renewals = 0;
    const renew = async () => ({ accessToken: `token ${(renewals += 1)}`, expiresInSeconds: HOUR });
    const tokens = new AccessTokens({ accessToken: "token 0", expiresInSeconds: HOUR }, renew, () => now);
    now = 54 * 60_000;
    expect(await tokens.current()).toBe("token 0");
    now = 55 * 60_000;
    expect(await Promise.all([tokens.current(), tokens.current()])).toEqual(["token 1", "token 1"]);
    expect(renewals).toBe(1);
  });

  test("a renewal that fails is tried again, and the old token is used until it ends", async () => {
    let now = 0;
    let attempts = 0;
    const renew = async () => {
      attempts += 1;
      throw new Error("no answer");
    };
    const tokens = new AccessTokens({ accessToken: "token", expiresInSeconds: HOUR }, renew, () => now);
    now = 55 * 60_000;
    expect(await tokens.current()).toBe("token");
    expect(await tokens.current()).toBe("token");
    expect(attempts).toBe(1);
    now += 30_000;
    expect(await tokens.current()).toBe("token");
    expect(attempts).toBe(2);
    now = HOUR * 1_000;
    await expect(tokens.current()).rejects.toThrow("no answer");
  });

  test("a token that only the person can renew is used until it ends, and announces its end", async () => {
    let now = 0;
    const tokens = new AccessTokens({ accessToken: "token", expiresInSeconds: HOUR }, null, () => now);
    expect(tokens.ending).toBe(false);
    now = 55 * 60_000;
    expect(tokens.ending).toBe(true);
    expect(await tokens.current()).toBe("token");
    now = HOUR * 1_000;
    await expect(tokens.current()).rejects.toThrow("Sign in again");
  });

  test("the life of a token does not depend on the clock of this machine", () => {
    const token = (claims: object) => `x.${btoa(JSON.stringify(claims)).replaceAll("=", "")}.x`;
    expect(lifeSeconds(token({ iat: 1_000, exp: 1_900 }))).toBe(900);
    expect(lifeSeconds(token({ nbf: 1_000, exp: 1_900 }))).toBe(900);
    expect([token({ exp: 1_900 }), token({ iat: 5, exp: 1 }), "opaque", ""].map(lifeSeconds)).toEqual([600, 600, 600, 600]);
  });
});
