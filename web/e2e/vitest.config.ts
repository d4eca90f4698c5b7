import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    dir: import.meta.dirname,
    include: ["*.test.ts"],
    // One browser at a time: two would disturb each other's timing.
    fileParallelism: false,
    // The identity provider of the tests prints a warning at every start.
    silent: "passed-only",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
