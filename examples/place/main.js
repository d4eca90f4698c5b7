// Two models in one scene: an entity groups them, and each is moved by itself.

import { browserProblem, TokenSource, Viewer } from "/remora.js";

const UPRIGHT = { x: 0, y: 0, z: 0, w: 1 };
const SAME_SIZE = { x: 1, y: 1, z: 1 };
const EIGHTH_TURN = { x: 0, y: Math.sin(Math.PI / 8), z: 0, w: Math.cos(Math.PI / 8) };

const byId = (id) => document.getElementById(id);
const showMessage = (text) => {
  byId("message").textContent = text;
};
const showError = (error) => showMessage(error.message);

const viewer = new Viewer({
  target: byId("model"),
  endpoint: "https://render.example.com",
  account: "ACCOUNT",
  token: TokenSource.fromServer("/token"),
  session: { size: "Standard", minutes: 30 },
  model: "builtin://Engine?triangles=200000",
});
viewer.on("load-failed", ({ error }) => showMessage(error.message));
viewer.on("loaded", ({ model }) => arrange(model).catch(showError));

/** Puts a second, smaller engine beside the first one, and both below one entity. */
async function arrange(first) {
  const connection = viewer.connection;
  const small = await connection.loadModel("builtin://Engine?triangles=50000");
  const group = await connection.createEntity({ name: "Engines" });
  for (const { rootEntity } of [first, small]) await connection.setParent(rootEntity, group);
  const beside = (first.boundsMax.x - first.boundsMin.x) * 0.8;
  const scale = { x: 0.4, y: 0.4, z: 0.4 };
  const translation = { x: beside, y: 0, z: 0 };
  await connection.setTransform({ entity: small.rootEntity, translation, rotation: UPRIGHT, scale });
  showMessage("Both engines stand below one entity.");

  const button = (id, act) => {
    byId(id).disabled = false;
    byId(id).addEventListener("click", () => act(byId(id)).catch(showError));
  };
  button("turn", async () => {
    const translation = { x: 0, y: 0, z: 0 };
    await connection.setTransform({ entity: group, translation, rotation: EIGHTH_TURN, scale: SAME_SIZE });
    const { parent, worldTranslation } = await connection.getEntity(small.rootEntity);
    const metres = [worldTranslation.x, worldTranslation.z].map((metre) => metre.toFixed(2)).join(", ");
    showMessage(`The small engine stands at ${metres}, below ${parent === group ? "the group" : "another entity"}.`);
  });
  button("switch", async (self) => {
    const off = self.getAttribute("aria-pressed") === "false";
    await connection.setEnabled(small.rootEntity, !off);
    self.setAttribute("aria-pressed", String(off));
    showMessage(off ? "The small engine is off." : "The small engine is on.");
  });
  button("remove", async () => {
    await connection.unloadModel(small.rootEntity);
    for (const id of ["switch", "remove"]) byId(id).disabled = true;
    const { children } = await connection.getEntity(group);
    showMessage(`The group has ${children.length} model left.`);
  });
}

// A browser without WebRTC or H.264 leases no session.
const problem = browserProblem();
if (problem === null) viewer.open().catch(showError);
else showMessage(problem.message);
