/** Reads the lifetime of access tokens. Only servers verify tokens. */

interface Claims {
  /** Seconds since 1970. */
  readonly exp: number;
  readonly iat?: unknown;
}

function claimsOf(accessToken: string): Claims | null {
  const claims = accessToken.split(".")[1];
  if (claims === undefined) return null;
  try {
    const value: unknown = JSON.parse(atob(claims.replace(/-/g, "+").replace(/_/g, "/")));
    if (typeof value !== "object" || value === null || !("exp" in value)) return null;
    return typeof value.exp === "number" && Number.isFinite(value.exp) ? (value as Claims) : null;
  } catch {
    return null;
  }
}

/**
 * Returns the lifetime of a token that has just been issued, or null if the token does not contain it. The token alone
 * decides if possible, because the clock of this machine may be wrong.
 */
export function lifetimeOf(accessToken: string, nowMilliseconds: number): number | null {
  const claims = claimsOf(accessToken);
  if (claims === null) return null;
  const { exp, iat } = claims;
  const issued = typeof iat === "number" && iat < exp ? iat * 1_000 : nowMilliseconds;
  return exp * 1_000 - issued;
}

/** Returns true if a token has expired according to the clock of this machine. */
export function hasExpired(accessToken: string, nowMilliseconds: number = Date.now()): boolean {
  const claims = claimsOf(accessToken);
  return claims !== null && claims.exp * 1_000 <= nowMilliseconds;
}
