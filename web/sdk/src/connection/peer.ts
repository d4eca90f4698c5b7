/**
 * The WebRTC half of a connection: one peer connection with a receiving video track and two data channels.
 *
 *   offer ─▶ POST to the host ─▶ answer ─▶ ICE, DTLS ─▶ both channels open ─▶ Peer
 *
 * ICE candidates of the browser are not waited for: the host learns them from the connectivity checks that reach it.
 * Opening has one deadline for everything. This module knows no messages.
 */

import { errorOfSignal, RemoraError } from "../errors.ts";
import { browserProblem, h264Codecs } from "./browser.ts";
import { exchangeOffer, type HostAddress } from "./handshake.ts";

const CONTROL_CHANNEL = "control";
const POSE_CHANNEL = "pose";
/** A host that shares a busy machine has been seen to need 17 s. */
const OPEN_MILLISECONDS_MAX = 20_000;

export interface Peer {
  readonly connection: RTCPeerConnection;
  readonly control: RTCDataChannel;
  readonly pose: RTCDataChannel;
  readonly track: MediaStreamTrack;
}

export interface PeerOptions {
  readonly host: HostAddress;
  readonly accessToken: string;
  readonly iceServers: readonly RTCIceServer[];
  readonly signal: AbortSignal | undefined;
}

/** `prepare` sees the control channel before anything can arrive on it. */
export async function openPeer(options: PeerOptions, prepare: (control: RTCDataChannel) => void): Promise<Peer> {
  const problem = browserProblem();
  if (problem !== null) throw problem;
  const { host, accessToken, iceServers } = options;
  const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: [...iceServers] });
  const deadline = AbortSignal.timeout(OPEN_MILLISECONDS_MAX);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const turn = watchTurn(connection, iceServers);
  try {
    const transceiver = connection.addTransceiver("video", { direction: "recvonly" });
    // Firefox before 128 has no such method and offers H.264 among others.
    transceiver.setCodecPreferences?.(h264Codecs());
    holdNothingBack(transceiver.receiver);
    const control = connection.createDataChannel(CONTROL_CHANNEL, { ordered: true });
    const pose = connection.createDataChannel(POSE_CHANNEL, { ordered: false, maxRetransmits: 0 });
    control.binaryType = "arraybuffer";
    pose.binaryType = "arraybuffer";
    prepare(control);

    await connection.setLocalDescription();
    const offer = connection.localDescription;
    if (offer === null) throw new RemoraError("unsupported-browser", "This browser made no WebRTC offer.");
    const answer = await exchangeOffer(host, accessToken, offer.sdp, signal);
    await connection.setRemoteDescription({ type: "answer", sdp: answer });
    const noRoute = () => (options.signal?.aborted === true ? errorOfSignal(options.signal) : turn());
    await Promise.all([opened(control, connection, signal, noRoute), opened(pose, connection, signal, noRoute)]);
    return { connection, control, pose, track: transceiver.receiver.track };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Notes what happens with the TURN servers; the result makes the error for a connection that finds no path. */
export function watchTurn(connection: EventTarget, iceServers: readonly RTCIceServer[]): () => RemoraError {
  const failures = new Map<string, string>();
  let relayed = false;
  connection.addEventListener("icecandidate", (event) => {
    if ((event as RTCPeerConnectionIceEvent).candidate?.type === "relay") relayed = true;
  });
  connection.addEventListener("icecandidateerror", (event) => {
    const { url, errorCode, errorText } = event as RTCPeerConnectionIceErrorEvent;
    if (url !== null) failures.set(url, `${errorCode} ${errorText}`.trim());
  });
  return () => {
    const advice = "The render host answered, but no network path to it was found.";
    if (iceServers.length === 0) {
      return new RemoraError("ice-failed", `${advice} UDP may be blocked between here and the host.`);
    }
    if (relayed || failures.size === 0) return new RemoraError("ice-failed", advice);
    const servers = [...failures].map(([url, why]) => `${url} (${why})`).join(", ");
    return new RemoraError("turn-failed", `${advice} These TURN servers could not be used: ${servers}.`);
  };
}

/** The host asks for no playout delay in every packet; this says the same to browsers that know the property. */
function holdNothingBack(receiver: RTCRtpReceiver): void {
  if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
}

function opened(
  channel: RTCDataChannel,
  connection: RTCPeerConnection,
  deadline: AbortSignal,
  failed: () => RemoraError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const settle = (outcome: () => void) => {
      done.abort();
      outcome();
    };
    const { signal } = done;
    if (channel.readyState === "open") return settle(resolve);
    if (deadline.aborted) return settle(() => reject(failed()));
    channel.addEventListener("open", () => settle(resolve), { signal });
    deadline.addEventListener("abort", () => settle(() => reject(failed())), { signal });
    connection.addEventListener(
      "connectionstatechange",
      () => {
        if (connection.connectionState === "failed") settle(() => reject(failed()));
      },
      { signal },
    );
  });
}
