/** Inside this workspace the SDK is used from its sources, so that nothing has to be built before a test or the page. */

import { join } from "node:path";

const SDK = join(import.meta.dirname, "sdk/src");

export const aliases = [
  { find: /^@remora\/sdk\/element$/, replacement: join(SDK, "element.ts") },
  { find: /^@remora\/sdk$/, replacement: join(SDK, "index.ts") },
];
