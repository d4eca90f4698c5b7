// A page without build tools: leases a session, shows a model, and names the selected part.

import { browserProblem, TokenSource, Viewer } from "/remora.js";

const byId = (id) => document.getElementById(id);
const showMessage = (text) => {
  byId("message").textContent = text;
};
const showError = (error) => showMessage(error.message);

const viewer = new Viewer({
  target: byId("model"),
  endpoint: "https://render.example.com",
  account: "ACCOUNT",
  // The page's own server knows the account key; the page gets an access token.
  token: TokenSource.fromServer("/token"),
  session: { size: "Standard", minutes: 30 },
  model: "builtin://Engine?triangles=200000",
});
viewer.on("state", (state) => {
  if (state.kind === "closed" && state.reason.kind === "failed") showMessage(state.reason.error.message);
  else if (state.kind !== "connected") showMessage(`${state.kind}…`);
});
viewer.on("loaded", ({ model }) =>
  showMessage(`${model.name}: ${model.triangles} triangles. Drag to turn it, click a part.`),
);
viewer.on("load-failed", ({ error }) => showMessage(error.message));
viewer.on("selection", ({ part }) => {
  byId("hide").disabled = part === null;
  if (part !== null) showMessage(`Selected: ${part.name}`);
});
viewer.on("lease-ending", () => viewer.extendLease(30).catch(showError));

byId("whole").addEventListener("click", () => viewer.fit());
byId("hide").addEventListener("click", () => viewer.selection.hide().catch(showError));
byId("show-all").addEventListener("click", () => viewer.selection.showAll().catch(showError));

// A browser without WebRTC or H.264 leases no session.
const problem = browserProblem();
if (problem === null) viewer.open().catch(showError);
else showMessage(problem.message);
