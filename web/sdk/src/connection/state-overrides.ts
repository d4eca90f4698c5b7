/** State overrides as an application writes them, and as the protocol carries them. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { FlagEdit, type StateOverrideEditSchema } from "../generated/remora/v1/connection_pb.ts";
import type { Color } from "./types.ts";

/**
 * A change of the state overrides of an entity. Values that are left out stay as they are; with null the entity inherits the
 * value from its parent. The nearest value wins: a part that is set to visible is shown although its assembly is hidden.
 */
export interface StateOverrideEdit {
  readonly visible?: boolean | null;
  /** Outlines the entity. */
  readonly selected?: boolean | null;
  readonly tint?: Color | null;
}

/** Returns the message that carries a change of state overrides. */
export function editMessage(edit: StateOverrideEdit): MessageInitShape<typeof StateOverrideEditSchema> {
  const { visible, selected, tint } = edit;
  const flags = { visible: flagEdit(visible), selected: flagEdit(selected) };
  return tint === undefined ? flags : { ...flags, tint: tint === null ? {} : { tint } };
}

function flagEdit(value: boolean | null | undefined): FlagEdit {
  if (value === undefined) return FlagEdit.KEEP;
  if (value === null) return FlagEdit.UNSET;
  return value ? FlagEdit.ON : FlagEdit.OFF;
}
