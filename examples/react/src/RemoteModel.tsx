import { TokenSource, Viewer } from "@remora/sdk";
import { useEffect, useRef, useState } from "react";

interface Props {
  readonly endpoint: string;
  readonly account: string;
  /** The address of the model. */
  readonly address: string;
  readonly onPart: (name: string | null) => void;
}

/** A session for as long as the component is mounted; its model may change. */
export function RemoteModel({ endpoint, account, address, onPart }: Props) {
  const target = useRef<HTMLDivElement>(null);
  const [viewer, setViewer] = useState<Viewer | null>(null);
  const [message, setMessage] = useState("");

  useEffect(() => {
    if (target.current === null) return;
    const opened = new Viewer({
      target: target.current,
      endpoint,
      account,
      token: TokenSource.fromCallback(async () => (await fetch("/token")).text()),
      session: { size: "Standard", minutes: 30 },
    });
    opened.on("state", (state) => {
      setViewer(state.kind === "connected" ? opened : null);
      const failed = state.kind === "closed" && state.reason.kind === "failed";
      setMessage(failed ? state.reason.error.message : state.kind === "connected" ? "" : `${state.kind}…`);
    });
    opened.on("loaded", ({ model }) => setMessage(`${model.name}: ${model.triangles} triangles`));
    opened.on("load-failed", ({ error }) => setMessage(error.message));
    opened.on("selection", ({ part }) => onPart(part?.name ?? null));
    // React's strict mode mounts twice while developing. A session is leased for the mount that stays.
    const opening = setTimeout(() => opened.open().catch(() => {}));
    return () => {
      clearTimeout(opening);
      void opened.close();
    };
  }, [endpoint, account, onPart]);

  useEffect(() => {
    // A load that fails is told by the event.
    viewer?.load(address).catch(() => {});
  }, [viewer, address]);

  return (
    <>
      <div ref={target} style={{ height: "60vh", background: "#dfe4e8" }} />
      <p role="status">{message}</p>
    </>
  );
}
