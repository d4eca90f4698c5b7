import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const SDK = join(import.meta.dirname, "..");
const FILE = "src/generated/remora/v1/connection_pb.ts";

test("the generated messages match the schema; `npm run generate` updates them", () => {
  const fresh = mkdtempSync(join(tmpdir(), "remora-generated-"));
  try {
    execFileSync(join(SDK, "../node_modules/.bin/buf"), ["generate", "--output", fresh], {
      cwd: SDK,
      env: { ...process.env, PATH: `${join(SDK, "../node_modules/.bin")}:${process.env["PATH"]}` },
    });
    expect(readFileSync(join(SDK, FILE), "utf8")).toBe(readFileSync(join(fresh, FILE), "utf8"));
  } finally {
    rmSync(fresh, { recursive: true });
  }
}, 30_000);
