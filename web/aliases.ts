/** Resolves the SDK to its sources inside this workspace, so that tests and the page do not need a build of it. */

import { join } from "node:path";

const SDK = join(import.meta.dirname, "sdk/src");

export const aliases = [
  { find: /^@remora\/sdk\/element$/, replacement: join(SDK, "element.ts") },
  { find: /^@remora\/sdk$/, replacement: join(SDK, "index.ts") },
];
