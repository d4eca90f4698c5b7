import { describe, expect, test } from "vitest";
import { editMessage } from "../src/connection/state-overrides.ts";
import { FlagEdit } from "../src/generated/remora/v1/connection_pb.ts";

describe("editMessage", () => {
  test("keeps values that are left out", () => {
    expect(editMessage({})).toEqual({ visible: FlagEdit.KEEP, selected: FlagEdit.KEEP });
  });

  test("sets flags and the tint", () => {
    const tint = { red: 255, green: 1, blue: 2, alpha: 128 };
    const message = { visible: FlagEdit.ON, selected: FlagEdit.OFF, tint: { tint } };
    expect(editMessage({ visible: true, selected: false, tint })).toEqual(message);
  });

  test("unsets values that are null", () => {
    const message = { visible: FlagEdit.UNSET, selected: FlagEdit.UNSET, tint: {} };
    expect(editMessage({ visible: null, selected: null, tint: null })).toEqual(message);
  });
});
