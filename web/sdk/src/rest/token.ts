/** Reads the time at which an access token ends. Tokens are verified by servers only. */

/** Seconds since 1970, or null if the token is not a JSON Web Token or has no end. */
export function expiryOf(accessToken: string): number | null {
  const claims = accessToken.split(".")[1];
  if (claims === undefined) return null;
  try {
    const value: unknown = JSON.parse(atob(claims.replace(/-/g, "+").replace(/_/g, "/")));
    if (typeof value !== "object" || value === null || !("exp" in value)) return null;
    return typeof value.exp === "number" && Number.isFinite(value.exp) ? value.exp : null;
  } catch {
    return null;
  }
}

export function hasExpired(accessToken: string, nowMilliseconds: number = Date.now()): boolean {
  const expiry = expiryOf(accessToken);
  return expiry !== null && expiry * 1_000 <= nowMilliseconds;
}
