/** Reads how this service is signed in to: `GET /portal/configuration`, which needs no authentication. */

import { SignInFailed } from "./failure.ts";
import { request } from "./request.ts";

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

export interface Configuration {
  readonly signIn: {
    /** The printed address of `remora up` signs in; on the loopback listener only. */
    readonly secret: boolean;
    readonly accountKey: boolean;
    readonly identityProviders: readonly IdentityProvider[];
  };
  readonly certificate: {
    /** The certificate was issued by the service's own authority, which browsers do not know. */
    readonly local: boolean;
  };
}

export async function readConfiguration(): Promise<Configuration> {
  const response = await request("/portal/configuration", {});
  if (!response.ok) throw new SignInFailed({ why: "service-failed", status: response.status });
  return (await response.json()) as Configuration;
}

/** The account that the provider's people use without choosing one; null where there is a choice. */
export function onlyAccount({ accounts }: IdentityProvider): string | null {
  const [first, ...others] = accounts;
  return first === undefined || first === "*" || others.length > 0 ? null : first;
}
