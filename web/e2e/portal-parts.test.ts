/** The page against a fake service and host: selecting and hiding parts. */

import { expect, test } from "vitest";
import { FlagEdit } from "../sdk/src/generated/remora/v1/connection_pb.ts";
import { PART } from "./fake-host.ts";
import { commandsOf, connect, host, page, places } from "./portal-page.ts";

const HIDE = { entities: [PART.entity], edit: { visible: FlagEdit.OFF } };
const SHOW = { entities: [PART.entity], edit: { visible: FlagEdit.UNSET } };

test("hides the same parts again after a lost connection", async () => {
  await connect();
  await page.getByText("Engine: 200 thousand triangles, 2000 parts, 12 materials.").waitFor();
  await page.locator("#video canvas").click();
  await page.getByRole("button", { name: "Hide" }).click();
  await expect.poll(() => commandsOf("setStateOverrides")).toMatchObject([HIDE]);
  await host.hangUp();
  await expect.poll(() => commandsOf("setStateOverrides").length, { timeout: 10_000 }).toBe(2);
  expect(commandsOf("setStateOverrides")[1]).toMatchObject(HIDE);
  await page.getByRole("button", { name: "Show all", disabled: false }).click();
  await expect.poll(() => commandsOf("setStateOverrides").at(-1)).toMatchObject(SHOW);
});

test("a click selects a part and shows its properties; a click on the background or Escape deselects it", async () => {
  await connect();
  const { part, background } = await places();
  const message = page.locator("#part-message");
  await page.mouse.click(part.x, part.y);
  await page.getByText("Selected: Crank pin 3").waitFor();
  expect(commandsOf("pick").at(-1)).toMatchObject({ x: expect.closeTo(0, 1), y: expect.closeTo(0, 1) });
  expect(commandsOf("selectEntities").at(-1)).toMatchObject({ entities: [PART.entity] });
  const panel = page.getByRole("region", { name: "Part" });
  const facts = await panel.locator("#part-facts > div").allTextContents();
  expect(facts).toEqual([
    "NameCrank pin 3",
    "PathEngine/Crankshaft/Crank pin 3",
    "MaterialsSteel, Brass",
    "Triangles12.5 thousand",
    "Size0.25 × 0.1 × 2 m",
  ]);
  const metadata = await panel.locator("#part-metadata > div").allTextContents();
  expect(metadata).toEqual(["Supplier<b>Bold</b> & Sons", "Mass2.5", "Checkedyes"]);

  await page.mouse.click(background.x, background.y);
  await page.getByText("Click a part of the model to select it.").waitFor();
  expect(commandsOf("selectEntities").at(-1)).toMatchObject({ entities: [] });
  await page.mouse.click(part.x, part.y);
  await expect.poll(() => message.textContent()).toContain("Crank pin 3");
  await page.keyboard.press("Escape");
  await expect.poll(() => message.textContent()).toContain("Click a part");
  expect(commandsOf("selectEntities").at(-1)).toMatchObject({ entities: [] });
});

test("a drag turns the model and selects nothing", async () => {
  await connect();
  const { part } = await places();
  await page.mouse.move(part.x, part.y);
  await page.mouse.down();
  await page.mouse.move(part.x + 40, part.y, { steps: 4 });
  await page.mouse.up();
  // Commands keep their order, so a pick by the drag would precede this one.
  await page.mouse.click(part.x, part.y);
  await page.getByText("Selected: Crank pin 3").waitFor();
  expect(commandsOf("pick")).toHaveLength(1);
});

test("hides the selected part, and shows all parts again", async () => {
  await connect();
  const { part } = await places();
  const [hide, showAll] = [page.getByRole("button", { name: "Hide" }), page.getByRole("button", { name: "Show all" })];
  expect(await hide.isDisabled()).toBe(true);
  await page.mouse.click(part.x, part.y);
  await hide.click();
  await page.getByText("Click a part of the model to select it.").waitFor();
  await expect.poll(() => commandsOf("setStateOverrides")).toMatchObject([HIDE]);
  await showAll.click();
  await expect.poll(() => commandsOf("setStateOverrides").at(-1)).toMatchObject(SHOW);
  expect(await showAll.isDisabled()).toBe(true);
});

test("a double click picks the part under the pointer", async () => {
  await connect();
  const { part } = await places();
  await page.mouse.dblclick(part.x, part.y);
  await expect.poll(() => commandsOf("pick").length).toBe(3);
});
