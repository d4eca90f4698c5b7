import { defineConfig } from "vite";
import { precompress } from "./precompress.ts";
import { aliases } from "../aliases.ts";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [precompress()],
  resolve: { alias: aliases },
  build: {
    target: "es2022",
    // Nothing inline and nothing from elsewhere: the page is served under a strict content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
  },
});
