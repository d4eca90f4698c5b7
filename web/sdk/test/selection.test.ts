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

  test("outlines what was picked and tells of it", async () => {
    const { scene, selection, last } = setUp();
    scene.seen = 7n;
    await selection.at(0.1, -0.2);
    expect(scene.said).toEqual(["pick 0.1 -0.2", "get 7", "select 7"]);
    expect(last()?.part?.name).toBe("Part 7");
  });

  test("deselects where nothing is seen", async () => {
    const { scene, selection, last } = setUp();
    scene.seen = 7n;
    await selection.at(0, 0);
    scene.seen = null;
    await selection.at(0, 0);
    expect(scene.said.at(-1)).toBe("select ");
    expect(last()?.part).toBeNull();
  });

  test("of several clicks the last one counts, in whichever order the answers come", async () => {
    const { scene, selection, last } = setUp();
    scene.seen = 1n;
    const slow = scene.holdPick();
    const first = selection.at(0, 0);
    scene.seen = 2n;
    await selection.at(0, 0);
    slow();
    await first;
    expect(last()?.part?.entity).toBe(2n);
    expect(scene.said.filter((word) => word.startsWith("select"))).toEqual(["select 2"]);
  });

  test("a part that was deselected while it was asked for stays so", async () => {
    const { scene, selection, last } = setUp();
    scene.seen = 1n;
    const answer = scene.holdPick();
    const click = selection.at(0, 0);
    await selection.clear();
    answer();
    await click;
    expect(last()?.part).toBeNull();
    expect(scene.said.at(-1)).toBe("select ");
  });

  test("hides parts one after the other and shows all of them again", async () => {
    const { scene, selection, last } = setUp();
    for (const entity of [3n, 4n]) {
      scene.seen = entity;
      await selection.at(0, 0);
      await selection.hide();
    }
    expect(last()).toEqual({ part: null, hiddenCount: 2 });
    await selection.hide();
    scene.said.length = 0;
    await selection.showAll();
    expect(scene.said).toEqual(["inherit visible 3 4"]);
    expect(last()?.hiddenCount).toBe(0);
  });

  test("forgets without a word to the host, whose scene is another one", async () => {
    const { scene, selection, last } = setUp();
    scene.seen = 3n;
    await selection.at(0, 0);
    await selection.hide();
    scene.said.length = 0;
    selection.forget();
    await selection.showAll();
    expect(scene.said).toEqual([]);
    expect(last()).toEqual({ part: null, hiddenCount: 0 });
  });

  test("hides the same parts of the model in another scene, and shows those that it does not find", async () => {
    const { scene, selection, last } = setUp();
    selection.forget(1n);
    for (const entity of [3n, 4n, 9n]) {
      await selection.entity(entity);
      await selection.hide();
    }
    selection.sceneLost();
    expect(last()).toEqual({ part: null, hiddenCount: 3 });
    // Another file under the same address: the part behind 4 is a different one, and there is none behind 9.
    scene.first = 100n;
    scene.changed.add(4n);
    scene.count = 8n;
    scene.said.length = 0;
    await selection.restore(101n);
    expect(scene.said).toEqual(["get 103", "get 104", "get 109", "hide 103"]);
    expect(last()?.hiddenCount).toBe(1);
    await selection.showAll();
    expect(scene.said.at(-1)).toBe("inherit visible 103");
  });

  test("keeps hidden parts where the connection is lost while they are being restored", async () => {
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
    expect(scene.said.at(-1)).toBe("hide 23");
  });
});
