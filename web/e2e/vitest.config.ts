import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    dir: import.meta.dirname,
    include: ["*.test.ts"],
    // One browser at a time: two would measure each other.
    fileParallelism: false,
    // The identity provider of the tests warns at every start that it is for development.
    silent: "passed-only",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
