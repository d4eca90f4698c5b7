/** The page of a developer who has installed the package. It uses only the public API. */

import {
  type CameraRig,
  OrbitCamera,
  RemoraError,
  type RemoraErrorCode,
  TokenSource,
  Viewer,
  type ViewerEvents,
  type ViewerOptions,
} from "@remora/sdk";

const query = new URLSearchParams(location.search);
const endpoint = query.get("endpoint") ?? "";
const account = query.get("account") ?? "";
const show = (id: string, text: string) => {
  const element = document.getElementById(id);
  if (element !== null) element.textContent = text;
};

const place = document.getElementById("model");
if (place === null) throw new Error("the page has no place for the model");
/** The place itself, or a canvas or video in it. */
const kind = query.get("target");
const target = kind === "canvas" || kind === "video" ? document.createElement(kind) : place;
if (target !== place) place.append(target);
const camera: CameraRig = new OrbitCamera({ yaw: 0.4 });
const options: ViewerOptions = {
  target,
  endpoint,
  account,
  token: TokenSource.fromKey({ endpoint, account, key: query.get("key") ?? "" }),
  session: query.get("session") ?? { size: "Standard", minutes: 10 },
  model: query.get("model") ?? "builtin://Engine?triangles=50000",
  camera,
};
const viewer = new Viewer(options);
Object.assign(globalThis, { viewer });
viewer.on("state", (state) => show("state", state.kind));
viewer.on("loaded", ({ model }: ViewerEvents["loaded"]) =>
  show("detail", `${model.name}: ${model.triangles} triangles`),
);
viewer.on("load-failed", ({ error }) => show("detail", error.message));
viewer.on("frame", () => show("frame", "shown"));
viewer.on("lease-ending", ({ remainingMinutes }) => show("lease", `${Math.ceil(remainingMinutes)} minutes are left`));
viewer.on("statistics", ({ connection }) => {
  document.body.dataset["connection"] = connection ?? "";
});

try {
  await viewer.open();
} catch (error) {
  const code: RemoraErrorCode | null = error instanceof RemoraError ? error.code : null;
  show("detail", `${code}: ${String(error)}`);
}
