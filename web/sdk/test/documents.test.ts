/** Checks that the documents name only existing calls and codes. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as sdk from "../src/index.ts";

const SDK = join(import.meta.dirname, "..");
const COMPARISON = join(SDK, "../../docs/sdk-from-arr.md");
const SOURCES = readdirSync(join(SDK, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => readFileSync(join(SDK, "src", name), "utf8"))
  .join("\n");

/** Returns the cells of the right column of all tables, without headings. */
function rightCells(): string[] {
  const rows = readFileSync(COMPARISON, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| "));
  return rows.flatMap((row) => row.split(" | ")[1]?.replace(/ \|$/, "") ?? []).filter((cell) => cell !== "here");
}

test("the table of calls names only calls of the SDK", () => {
  const names = rightCells().flatMap((cell) => [...cell.matchAll(/`([A-Za-z.]+)`/g)].map(([, name]) => name ?? ""));
  expect(names.length).toBeGreaterThan(60);
  const known = names.filter((name) => name !== "remora convert");
  const missing = known.filter((name) => name.split(".").some((part) => !new RegExp(`\\b${part}\\b`).test(SOURCES)));
  expect(missing).toEqual([]);
});

test("the table of errors names only existing codes", () => {
  const codes = rightCells().flatMap((cell) => [...cell.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].map(([, code]) => code));
  expect(codes.length).toBeGreaterThan(15);
  expect(codes.filter((code) => !SOURCES.includes(`"${code}"`))).toEqual([]);
});

test("the readme imports only exported names", () => {
  const readme = readFileSync(join(SDK, "README.md"), "utf8");
  const imported = [...readme.matchAll(/import \{ (.*?) \} from "@remora\/sdk"/g)].flatMap(
    ([, list]) => list?.split(", ") ?? [],
  );
  expect(imported.filter((name) => !(name in sdk))).toEqual([]);
});
