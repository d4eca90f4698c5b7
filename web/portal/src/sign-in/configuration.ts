/** Reads the ways to sign in to this service: `GET /portal/configuration`, which needs no authentication. */

import { SignInFailed } from "./failure.ts";
import { request } from "./request.ts";

/** An identity provider that the service accepts. */
export interface IdentityProvider {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  /** The accounts that its people may use; `*` stands for every account. */
  readonly accounts: readonly string[];
}

/** The configuration of the page. */
export interface Configuration {
  readonly signIn: {
    /** True if the address that `remora up` prints signs in, which is on the loopback listener only. */
    readonly secret: boolean;
    readonly accountKey: boolean;
    readonly identityProviders: readonly IdentityProvider[];
  };
  readonly certificate: {
    /** True if the service's own authority has issued the certificate, which browsers do not trust by default. */
    readonly local: boolean;
  };
}

/** Requests the configuration. */
export async function readConfiguration(): Promise<Configuration> {
  const response = await request("/portal/configuration", {});
  if (!response.ok) throw new SignInFailed({ why: "service-failed", status: response.status });
  return (await response.json()) as Configuration;
}

/** Returns the only account that people of a provider can use, or null if they have a choice. */
export function onlyAccount({ accounts }: IdentityProvider): string | null {
  const [first, ...others] = accounts;
  return first === undefined || first === "*" || others.length > 0 ? null : first;
}
