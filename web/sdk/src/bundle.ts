/** The whole SDK in one file, for pages without a bundler: defines `<remora-viewer>` and exports everything. */

export * from "./element.ts";
export * from "./index.ts";
