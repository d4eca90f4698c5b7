import { defineConfig } from "vite";

// While developing, tokens come from `node examples/serve.mjs` on its usual port.
export default defineConfig({ server: { proxy: { "/token": "http://localhost:3000" } } });
