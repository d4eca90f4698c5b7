/** Signs in and starts the page; says so in words where that fails. */

import "./styles/page.css";
import "./styles/stage.css";
import "./styles/side.css";
import type { VideoSink } from "@remora/sdk";
import { App, type AppOptions } from "./app.ts";
import { type Account, addressHasSecret, SignInFailed, signIn } from "./sign-in.ts";
import { Stage } from "./viewer/stage.ts";
import { NOT_SIGNED_IN, SERVICE_SILENT } from "./words.ts";

async function start(): Promise<void> {
  const stage = new Stage();
  // The address of a later start, opened in this tab, changes the fragment only.
  addEventListener("hashchange", () => {
    if (addressHasSecret()) location.reload();
  });
  let account: Account;
  try {
    account = await signIn();
  } catch (error) {
    if (!(error instanceof SignInFailed)) throw error;
    stage.showNotice(error.why === "service" ? SERVICE_SILENT : NOT_SIGNED_IN);
    return;
  }
  new App(stage, account, await measurements());
}

/** `?bench` opens the view to measurements, `?sink=video|canvas|webgl` chooses how pictures are shown. */
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
