/** Signs in, then loads and starts the page. The viewer is in a separate chunk, so that the sign-in appears first. */

import "./styles/page.css";
import "./styles/sign-in.css";
import type { VideoSink } from "@remora/sdk";
import type { AppOptions } from "./app.ts";
import { byId } from "./page.ts";
import { addressHasSecret, signIn } from "./sign-in.ts";

async function start(): Promise<void> {
  // Opening the address of a later start in this tab changes only the fragment.
  addEventListener("hashchange", () => {
    if (addressHasSecret()) location.reload();
  });
  const viewer = import("./app.ts");
  const account = await signIn();
  const { App } = await viewer;
  byId("page", HTMLElement).hidden = false;
  new App(account, await measurements());
}

/** Reads the query: `?bench` enables measurements, `?sink=video|canvas|webgl` chooses the way in which frames are shown. */
async function measurements(): Promise<AppOptions> {
  const query = new URLSearchParams(location.search);
  const given = query.get("sink");
  const sink = SINKS.find((kind) => kind === given);
  if (!query.has("bench")) return { sink };
  document.body.classList.add("bench");
  const { instrument } = await import("../../bench/latency.ts");
  return { sink, onViewer: instrument };
}

const SINKS: readonly VideoSink["kind"][] = ["webgl", "canvas", "video"];

void start();
