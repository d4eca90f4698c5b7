import { TokenSource, Viewer } from "@remora/sdk";
import { useEffect, useRef, useState } from "react";

interface Props {
  readonly endpoint: string;
  readonly account: string;
  /** The address of the model. */
  readonly address: string;
  readonly onPart: (name: string | null) => void;
}

/** Keeps one session while the component is mounted; its model may change. */
export function RemoteModel({ endpoint, account, address, onPart }: Props) {
  const target = useRef<HTMLDivElement>(null);
  const [viewer, setViewer] = useState<Viewer | null>(null);
  const [message, setMessage] = useState("");
  // A new callback must not start a new session.
  const latestOnPart = useRef(onPart);
  useEffect(() => {
    latestOnPart.current = onPart;
  }, [onPart]);

  useEffect(() => {
    if (target.current === null) return;
    const opened = new Viewer({
      target: target.current,
      endpoint,
      account,
      token: TokenSource.fromServer("/token"),
      session: { size: "Standard", minutes: 30 },
    });
    opened.on("state", (state) => {
      const failed = state.kind === "closed" && state.reason.kind === "failed";
      setMessage(failed ? state.reason.error.message : state.kind === "connected" ? "" : `${state.kind}…`);
    });
    opened.on("loaded", ({ model }) => setMessage(`${model.name}: ${model.triangles} triangles`));
    opened.on("load-failed", ({ error }) => setMessage(error.message));
    opened.on("selection", ({ part }) => latestOnPart.current(part?.name ?? null));
    setViewer(opened);
    // React's strict mode mounts twice in development. The timer leases a session only for the mount that remains.
    const opening = setTimeout(() => opened.open().catch(() => {}));
    return () => {
      clearTimeout(opening);
      // A session that cannot be stopped ends with its lease.
      opened.close().catch(() => {});
    };
  }, [endpoint, account]);

  useEffect(() => {
    // A viewer that is not connected loads the model when it connects. The event reports a load that fails.
    viewer?.load(address).catch(() => {});
  }, [viewer, address]);

  return (
    <>
      <div ref={target} style={{ height: "60vh", background: "#dfe4e8" }} />
      <p role="status">{message}</p>
    </>
  );
}
