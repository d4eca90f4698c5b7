/** Shows the selected part: name, path, size and metadata, with buttons to hide it and to show all parts. */

import type { EntityInfo, Metadata, SelectionState } from "@remora/sdk";
import { dimensions, quantity } from "../messages.ts";
import { build, byId } from "../page.ts";

const NOTHING_SELECTED = "Click a part of the model to select it.";

interface Actions {
  readonly hide: () => void;
  readonly showAll: () => void;
}

/** The panel for the selected part. */
export class PartPanel {
  readonly #message = byId("part-message", HTMLElement);
  readonly #facts = byId("part-facts", HTMLDListElement);
  readonly #metadata = byId("part-metadata", HTMLDListElement);
  readonly #metadataHeading = byId("part-metadata-heading", HTMLElement);
  readonly #hide = byId("part-hide", HTMLButtonElement);
  readonly #showAll = byId("part-show-all", HTMLButtonElement);

  constructor({ hide, showAll }: Actions) {
    this.#hide.addEventListener("click", hide);
    this.#showAll.addEventListener("click", showAll);
    this.show({ part: null, hiddenCount: 0 });
  }

  /** Shows a state of the selection. */
  show({ part, hiddenCount }: SelectionState): void {
    this.#message.textContent = part === null ? NOTHING_SELECTED : `Selected: ${part.name || "a part without a name"}`;
    list(this.#facts, part === null ? [] : factsOf(part));
    const metadata = part?.metadata.map((entry): Fact => [entry.name, metadataText(entry)]) ?? [];
    list(this.#metadata, metadata);
    this.#metadataHeading.hidden = metadata.length === 0;
    this.#hide.disabled = part === null;
    this.#showAll.disabled = hiddenCount === 0;
  }
}

/** A property of a part. */
type Fact = readonly [term: string, description: string];

/** Returns the properties of a part that are not empty, with their headings. */
export function factsOf(part: EntityInfo): Fact[] {
  const facts: Fact[] = [
    ["Name", part.name],
    ["Path", part.path],
    [part.materials.length === 1 ? "Material" : "Materials", part.materials.join(", ")],
    ["Triangles", part.triangles > 0n ? quantity(Number(part.triangles)) : ""],
    ["Points", part.points > 0n ? quantity(Number(part.points)) : ""],
  ];
  if (part.boundsMin !== undefined && part.boundsMax !== undefined) {
    facts.push(["Size", dimensions({ min: part.boundsMin, max: part.boundsMax })]);
  }
  return facts.filter(([, description]) => description !== "");
}

export function metadataText({ value }: Metadata): string {
  switch (value.case) {
    case "bool":
      return value.value ? "yes" : "no";
    case undefined:
      return "";
    default:
      return String(value.value);
  }
}

function list(element: HTMLDListElement, facts: readonly Fact[]): void {
  element.hidden = facts.length === 0;
  element.replaceChildren(
    ...facts.map(([term, description]) => build("div", {}, build("dt", {}, term), build("dd", {}, description))),
  );
}
