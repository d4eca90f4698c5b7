// Builds the package: one module per source file with its declarations, and a bundle for pages without a bundler. Copies
// both licences from the root of the repository into the package.

import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

const here = import.meta.dirname;
rmSync(join(here, "dist"), { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(here, "../node_modules/typescript/bin/tsc"), "-p", join(here, "tsconfig.build.json")],
  {
    stdio: "inherit",
  },
);
await build({
  configFile: false,
  root: here,
  logLevel: "warn",
  build: {
    outDir: "dist",
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: join(here, "src/bundle.ts"), formats: ["es"], fileName: () => "remora.js" },
  },
});
for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"])
  copyFileSync(join(here, "../..", licence), join(here, licence));
