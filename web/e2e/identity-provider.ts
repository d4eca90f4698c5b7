/** Runs a certified OpenID Connect provider on a free port; it accepts any name and password. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from "jose";
import Provider from "oidc-provider";
import type { Page } from "playwright-core";
import type { IdentityProvider as Offered } from "../portal/src/sign-in/configuration.ts";

export const CLIENT = "remora-portal";
export const ROLE = "Remora.User";
/** The audience of the access tokens, as in the `[[identity]]` of an operator. */
export const AUDIENCE = "api://remora";
export const PERSON = "Ada Lovelace";

/** A running provider. */
export class IdentityProvider {
  /** True if people get a refresh token. */
  refreshes = true;
  /** The parameters of all authorization requests. */
  readonly authorizations: URLSearchParams[] = [];
  /** The number of codes and refresh tokens that were exchanged for tokens. */
  exchanges = 0;
  readonly #server: Server;
  readonly #issuer: string;

  private constructor(server: Server, issuer: string) {
    this.#server = server;
    this.#issuer = issuer;
  }

  /** Starts a server without a provider, so that the address is known in advance. */
  static async reserve(): Promise<{ readonly server: Server; readonly issuer: string }> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { server, issuer: `http://localhost:${(server.address() as AddressInfo).port}` };
  }

  /** Starts a provider. `page` is the only address that people are returned to. */
  static async start(
    page: string,
    reserved?: { readonly server: Server; readonly issuer: string },
  ): Promise<IdentityProvider> {
    const { server, issuer } = reserved ?? (await IdentityProvider.reserve());
    const identity = new IdentityProvider(server, issuer);
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: CLIENT,
          token_endpoint_auth_method: "none",
          redirect_uris: [page],
          grant_types: ["authorization_code", "refresh_token"],
        },
      ],
      jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: "key", alg: "RS256", use: "sig" }] },
      cookies: { keys: ["test"] },
      claims: { openid: ["sub", "roles"], profile: ["name"] },
      conformIdTokenClaims: false,
      clientBasedCORS: () => true,
      pkce: { required: () => true },
      issueRefreshToken: async () => identity.refreshes,
      findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id, name: PERSON, roles: [ROLE] }) }),
      extraTokenClaims: async () => ({ roles: [ROLE] }),
      features: {
        devInteractions: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: async () => AUDIENCE,
          useGrantedResource: async () => true,
          getResourceServerInfo: async () => ({ scope: "", audience: AUDIENCE, accessTokenFormat: "jwt" }),
        },
      },
    });
    const answer = provider.callback();
    server.on("request", (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "/", issuer);
      if (pathname === "/auth") identity.authorizations.push(searchParams);
      if (pathname === "/token" && request.method === "POST") identity.exchanges += 1;
      void answer(request, response);
    });
    return identity;
  }

  /** The description of this provider in the configuration of the page. */
  get offered(): Offered {
    return {
      name: "Example ID",
      issuer: this.#issuer,
      clientId: CLIENT,
      scopes: ["openid", "profile"],
      authorizationEndpoint: `${this.#issuer}/auth`,
      tokenEndpoint: `${this.#issuer}/token`,
      accounts: ["*"],
    };
  }

  /** Verifies a token as the service does: its own identity token, or an access token for this audience. */
  async verifies(token: string, audience = CLIENT): Promise<boolean> {
    const keys = createRemoteJWKSet(new URL(`${this.#issuer}/jwks`));
    return jwtVerify(token, keys, { issuer: this.#issuer, audience }).then(
      () => true,
      () => false,
    );
  }

  /** Signs in at the provider as a person does, from the first page to the last. */
  async logIn(page: Page): Promise<void> {
    await page.locator("input[name=login]").fill("ada");
    await page.locator("input[name=password]").fill("any");
    await page.locator("button[type=submit]").click();
    await page.getByRole("button", { name: "Continue" }).click();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
