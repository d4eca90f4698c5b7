import { describe, expect, test } from "vitest";
import { Selection, type SelectionState } from "../src/viewer/selection.ts";
import { FakeScene } from "./fake-scene.ts";

describe("Selection", () => {
  function setUp() {
    const scene = new FakeScene();
    const states: SelectionState[] = [];
    const selection = new Selection(scene, (state) => states.push(state));
    return { scene, selection, last: () => states.at(-1) };
  }

  test("outlines the picked part and reports it", async () => {
    const { scene, selection, last } = setUp();
    scene.seen = 7n;
    await selection.at(0.1, -0.2);
    expect(scene.commands).toEqual(["pick 0.1 -0.2", "get 7", "select 7"]);
    expect(last()?.part?.name).toBe("Part 7");
  });

  test("deselects on the background", async () => {
    const { scene, selection, last } = setUp();
    scene.seen = 7n;
    await selection.at(0, 0);
    scene.seen = null;
    await selection.at(0, 0);
    expect(scene.commands.at(-1)).toBe("select ");
    expect(last()?.part).toBeNull();
  });

  test("the last of several clicks wins, in any order of the answers", async () => {
    const { scene, selection, last } = setUp();
    scene.seen = 1n;
    const slow = scene.holdPick();
    const first = selection.at(0, 0);
    scene.seen = 2n;
    await selection.at(0, 0);
    slow();
    await first;
    expect(last()?.part?.entity).toBe(2n);
    expect(scene.commands.filter((word) => word.startsWith("select"))).toEqual(["select 2"]);
  });

  test("a part that was deselected during its request stays deselected", async () => {
    const { scene, selection, last } = setUp();
    scene.seen = 1n;
    const answer = scene.holdPick();
    const click = selection.at(0, 0);
    await selection.clear();
    answer();
    await click;
    expect(last()?.part).toBeNull();
    expect(scene.commands.at(-1)).toBe("select ");
  });

  test("hides several parts and shows all of them again", async () => {
    const { scene, selection, last } = setUp();
    for (const entity of [3n, 4n]) {
      scene.seen = entity;
      await selection.at(0, 0);
      await selection.hide();
    }
    expect(last()).toEqual({ part: null, hiddenCount: 2 });
    await selection.hide();
    scene.commands.length = 0;
    await selection.showAll();
    expect(scene.commands).toEqual(["inherit visible 3 4"]);
    expect(last()?.hiddenCount).toBe(0);
  });

  test("drops its state without commands when the scene was replaced", async () => {
    const { scene, selection, last } = setUp();
    scene.seen = 3n;
    await selection.at(0, 0);
    await selection.hide();
    scene.commands.length = 0;
    selection.forget();
    await selection.showAll();
    expect(scene.commands).toEqual([]);
    expect(last()).toEqual({ part: null, hiddenCount: 0 });
  });

  test("hides the same parts of the model in another scene, except those that it does not find", async () => {
    const { scene, selection, last } = setUp();
    selection.forget(1n);
    for (const entity of [3n, 4n, 9n]) {
      await selection.entity(entity);
      await selection.hide();
    }
    selection.sceneLost();
    expect(last()).toEqual({ part: null, hiddenCount: 3 });
    // The file has changed: the part with offset 4 is a different one, and there is none with offset 9.
    scene.first = 100n;
    scene.changed.add(4n);
    scene.count = 8n;
    scene.commands.length = 0;
    await selection.restore(101n);
    expect(scene.commands).toEqual(["get 103", "get 104", "get 109", "hide 103"]);
    expect(last()?.hiddenCount).toBe(1);
    await selection.showAll();
    expect(scene.commands.at(-1)).toBe("inherit visible 103");
  });

  test("keeps the hidden parts if the connection is lost while they are being restored", async () => {
    const { scene, selection, last } = setUp();
    selection.forget(1n);
    await selection.entity(3n);
    await selection.hide();
    scene.lost = true;
    await expect(selection.restore(11n)).rejects.toMatchObject({ code: "closed" });
    expect(last()?.hiddenCount).toBe(1);
    scene.lost = false;
    scene.first = 20n;
    await selection.restore(21n);
    expect(scene.commands.at(-1)).toBe("hide 23");
  });
});
