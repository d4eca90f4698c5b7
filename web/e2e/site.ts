/** Serves the files of a folder and the pages of a test from a separate origin. */

import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
};
/** A strict policy: no inline content, and no content from other origins. */
const POLICY = "default-src 'self'; connect-src 'self' http://localhost:* https://localhost:*";

/** A web server with its own origin. */
export class Site {
  /** Bodies by path; they take precedence over files. */
  readonly pages = new Map<string, string>();
  readonly #server: Server;

  private constructor(folder: string) {
    this.#server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://site");
      const path = normalize(pathname === "/" ? "/index.html" : pathname);
      const type = TYPES[extname(path)] ?? "text/plain";
      const page = this.pages.get(path);
      (page === undefined ? readFile(join(folder, path)) : Promise.resolve(page)).then(
        (body) => response.writeHead(200, { "Content-Type": type, "Content-Security-Policy": POLICY }).end(body),
        () => response.writeHead(404).end(),
      );
    });
  }

  static async start(folder: string): Promise<Site> {
    const site = new Site(folder);
    await new Promise<void>((resolve) => site.#server.listen(0, "127.0.0.1", resolve));
    return site;
  }

  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
