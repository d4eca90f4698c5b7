/**
 * Defines the custom element `<remora-viewer>`. Importing this module is enough.
 *
 * ```html
 * <script type="module" src="https://cdn.example.com/@remora/sdk/dist/remora.js"></script>
 * <remora-viewer endpoint="https://render.example.com" account="8d1c…" token-src="/render-token"
 *   src="https://models.example.com/engine.glb"></remora-viewer>
 * ```
 *
 * @packageDocumentation
 */

import { RemoraViewerElement } from "./element/remora-viewer.ts";

const NAME = "remora-viewer";

if (globalThis.customElements !== undefined && customElements.get(NAME) === undefined) {
  customElements.define(NAME, RemoraViewerElement);
}

declare global {
  interface HTMLElementTagNameMap {
    "remora-viewer": RemoraViewerElement;
  }
}

export { RemoraViewerElement, type RemoraViewerEventMap } from "./element/remora-viewer.ts";
