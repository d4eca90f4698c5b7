/**
 * Opens the WebRTC half of a connection: a peer connection with a receiving video track and two data channels.
 *
 *   offer ─▶ POST to the host ─▶ answer ─▶ ICE, DTLS ─▶ both channels open ─▶ Peer
 *
 * The offer does not wait for the ICE candidates of the browser: the host learns them from the connectivity checks that
 * reach it. One deadline covers all steps. This module knows no messages.
 */

import { errorOfSignal, RemoraError } from "../errors.ts";
import { browserProblem, h264Codecs } from "./browser.ts";
import { exchangeOffer, type HostAddress } from "./handshake.ts";
import { watchIce } from "./ice-watch.ts";

const CONTROL_CHANNEL = "control";
const POSE_CHANNEL = "pose";
/** A host that shares a busy machine has been seen to need 17 s. */
const OPEN_MILLISECONDS_MAX = 20_000;

/** A peer connection with its open channels. */
export interface Peer {
  readonly connection: RTCPeerConnection;
  readonly control: RTCDataChannel;
  readonly pose: RTCDataChannel;
  readonly track: MediaStreamTrack;
}

/** Options of {@link openPeer}. */
export interface PeerOptions {
  readonly host: HostAddress;
  readonly accessToken: string;
  readonly iceServers: readonly RTCIceServer[];
  readonly signal: AbortSignal | undefined;
}

/** Opens a connection to a host. `prepare` receives the control channel before any message can arrive on it. */
export async function openPeer(options: PeerOptions, prepare: (control: RTCDataChannel) => void): Promise<Peer> {
  const problem = browserProblem();
  if (problem !== null) throw problem;
  const { host, accessToken, iceServers } = options;
  const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: [...iceServers] });
  const deadline = AbortSignal.timeout(OPEN_MILLISECONDS_MAX);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const ice = watchIce(connection, iceServers);
  try {
    const transceiver = connection.addTransceiver("video", { direction: "recvonly" });
    // Firefox before 128 has no such method and offers H.264 among others.
    transceiver.setCodecPreferences?.(h264Codecs());
    requestNoPlayoutDelay(transceiver.receiver);
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
    const giveUp = AbortSignal.any([signal, ice.exhausted]);
    const failure = () => (options.signal?.aborted === true ? errorOfSignal(options.signal) : ice.error());
    await Promise.all([opened(control, connection, giveUp, failure), opened(pose, connection, giveUp, failure)]);
    return { connection, control, pose, track: transceiver.receiver.track };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Requests what the host requests in every packet, from browsers that know the property. */
function requestNoPlayoutDelay(receiver: RTCRtpReceiver): void {
  if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
}

/** Waits until a channel is open. Rejects with `failure()` if the connection fails or the signal is aborted. */
function opened(
  channel: RTCDataChannel,
  connection: RTCPeerConnection,
  giveUp: AbortSignal,
  failure: () => RemoraError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const settle = (outcome: () => void) => {
      done.abort();
      outcome();
    };
    const { signal } = done;
    if (channel.readyState === "open") return settle(resolve);
    if (giveUp.aborted) return settle(() => reject(failure()));
    channel.addEventListener("open", () => settle(resolve), { signal });
    giveUp.addEventListener("abort", () => settle(() => reject(failure())), { signal });
    connection.addEventListener(
      "connectionstatechange",
      () => {
        if (connection.connectionState === "failed") settle(() => reject(failure()));
      },
      { signal },
    );
  });
}
