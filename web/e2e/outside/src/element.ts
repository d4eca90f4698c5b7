/** Checks the types of the element. */

import "@remora/sdk/element";
import type { RemoraViewerElement } from "@remora/sdk/element";

const element: RemoraViewerElement = document.createElement("remora-viewer");
element.endpoint = "https://render.example.com";
element.token = () => "token";
element.addEventListener("load", ({ detail }) => console.log(detail.model.triangles));
element.addEventListener("error", ({ detail }) => console.log(detail.code));
element.addEventListener("click", (event) => console.log(event.clientX));
