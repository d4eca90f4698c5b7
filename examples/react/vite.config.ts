import { defineConfig } from "vite";

// In development, tokens come from `node examples/serve.mjs` on its default port.
export default defineConfig({ server: { proxy: { "/token": "http://localhost:3000" } } });
