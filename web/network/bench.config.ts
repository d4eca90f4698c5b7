import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    dir: import.meta.dirname,
    include: ["*.bench.ts"],
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 90_000,
  },
});
