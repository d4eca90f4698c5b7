/** Bundles the whole SDK for pages without a bundler: defines `<remora-viewer>` and exports everything. */

export * from "./element.ts";
export * from "./index.ts";
