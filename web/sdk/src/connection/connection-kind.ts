/** Derives the kind of network path between a client and its host from WebRTC's statistics. */

/**
 * The kind of a network path. `direct`: over UDP, without a relay. `tcp`: over TCP, without a relay. `relayed`: through a
 * TURN server.
 */
export type ConnectionKind = "direct" | "tcp" | "relayed";

/** The properties of entries in a statistics report that are read here. */
interface ReportEntry {
  readonly id: string;
  readonly type: string;
  readonly selectedCandidatePairId?: string;
  readonly nominated?: boolean;
  readonly state?: string;
  readonly localCandidateId?: string;
  readonly remoteCandidateId?: string;
  readonly candidateType?: string;
  readonly protocol?: string;
}

/** Returns the kind of the path in use, or null while there is none. */
export function connectionKindOf(report: Iterable<[string, unknown]>): ConnectionKind | null {
  const entries = new Map(report) as Map<string, ReportEntry>;
  const all = [...entries.values()];
  const selected = all.find(({ type }) => type === "transport")?.selectedCandidatePairId;
  // Firefox does not report which pair its transport has selected.
  const pair =
    (selected === undefined ? undefined : entries.get(selected)) ??
    all.find(({ type, nominated, state }) => type === "candidate-pair" && nominated === true && state === "succeeded");
  const local = entries.get(pair?.localCandidateId ?? "");
  const remote = entries.get(pair?.remoteCandidateId ?? "");
  if (local === undefined) return null;
  if (local.candidateType === "relay" || remote?.candidateType === "relay") return "relayed";
  return local.protocol === "tcp" ? "tcp" : "direct";
}
