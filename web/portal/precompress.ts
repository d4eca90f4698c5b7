/**
 * Writes `FILE.br` and `FILE.gz` beside every built file that compression makes smaller. The service itself does not
 * compress; it sends these files.
 */

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const TEXTS = /\.(css|html|js|json|svg)$/;

/** Returns the Vite plugin. */
export function precompress(): Plugin {
  let directory = "";
  return {
    name: "precompress",
    apply: "build",
    configResolved(config) {
      directory = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
        const path = join(directory, name);
        if (!TEXTS.test(name) || !statSync(path).isFile()) continue;
        const text = readFileSync(path);
        const quality = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } };
        for (const [extension, bytes] of [
          ["br", brotliCompressSync(text, quality)],
          ["gz", gzipSync(text, { level: 9 })],
        ] as const) {
          if (bytes.length < text.length) writeFileSync(`${path}.${extension}`, bytes);
        }
      }
    },
  };
}
