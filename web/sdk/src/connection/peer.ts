/**
 * The WebRTC half of a connection: one peer connection with a receiving video track and two data channels.
 *
 *   offer ─▶ POST to the host ─▶ answer ─▶ ICE, DTLS ─▶ both channels open ─▶ Peer
 *
 * ICE candidates of the browser are not waited for: the host learns them from the connectivity checks that reach it.
 * Opening has one deadline for everything. This module knows no messages.
 */

import { ConnectError } from "./connect-error.ts";
import { exchangeOffer, type HostAddress } from "./handshake.ts";

const CONTROL_CHANNEL = "control";
const POSE_CHANNEL = "pose";
const OPEN_MILLISECONDS_MAX = 12_000;

export interface Peer {
  readonly connection: RTCPeerConnection;
  readonly control: RTCDataChannel;
  readonly pose: RTCDataChannel;
  readonly track: MediaStreamTrack;
}

/** `prepare` sees the channels before anything can arrive on them. */
export async function openPeer(
  host: HostAddress,
  accessToken: string,
  prepare: (control: RTCDataChannel, pose: RTCDataChannel) => void,
): Promise<Peer> {
  const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const deadline = AbortSignal.timeout(OPEN_MILLISECONDS_MAX);
  try {
    const transceiver = connection.addTransceiver("video", { direction: "recvonly" });
    receiveH264Only(transceiver);
    holdNothingBack(transceiver.receiver);
    const control = connection.createDataChannel(CONTROL_CHANNEL, { ordered: true });
    const pose = connection.createDataChannel(POSE_CHANNEL, { ordered: false, maxRetransmits: 0 });
    control.binaryType = "arraybuffer";
    pose.binaryType = "arraybuffer";
    prepare(control, pose);

    await connection.setLocalDescription();
    const offer = connection.localDescription;
    if (offer === null) throw new ConnectError("Unsupported", "This browser made no WebRTC offer.");
    const answer = await exchangeOffer(host, accessToken, offer.sdp, deadline);
    await connection.setRemoteDescription({ type: "answer", sdp: answer });
    await Promise.all([opened(control, connection, deadline), opened(pose, connection, deadline)]);
    return { connection, control, pose, track: transceiver.receiver.track };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** H.264 is what hosts encode; retransmission comes with it. */
function receiveH264Only(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const isH264 = (codec: RTCRtpCodec) => codec.mimeType.toLowerCase() === "video/h264";
  if (!codecs.some(isH264)) {
    throw new ConnectError("Unsupported", "This browser cannot play H.264 video, which render hosts send.");
  }
  // Firefox before 128 has no such method and offers H.264 among others.
  transceiver.setCodecPreferences?.(
    codecs.filter((codec) => isH264(codec) || codec.mimeType.toLowerCase() === "video/rtx"),
  );
}

/** The host asks for no playout delay in every packet; this says the same to browsers that know the property. */
function holdNothingBack(receiver: RTCRtpReceiver): void {
  if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
}

function opened(channel: RTCDataChannel, connection: RTCPeerConnection, deadline: AbortSignal): Promise<void> {
  const failed = () =>
    new ConnectError(
      "NoRoute",
      "The render host answered, but no network path for pictures was found. Is UDP blocked between here and the host?",
    );
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
