/** Checks whether this browser can show the video of a render host. */

import { RemoraError } from "../errors.ts";

/**
 * Returns null if this browser can connect to render hosts, or an error that names the missing feature. Call this before
 * leasing a session: a lease without a client that can connect is wasted.
 */
export function browserProblem(): RemoraError | null {
  if (typeof RTCPeerConnection === "undefined" || typeof RTCRtpReceiver === "undefined") {
    return new RemoraError("unsupported-browser", "This browser has no WebRTC, which render hosts use to send video.");
  }
  if (h264Codecs().length === 0) {
    return new RemoraError("unsupported-browser", "This browser cannot play H.264 video, which render hosts send.");
  }
  return null;
}

/** Returns the H.264 codecs that this browser decodes, and retransmission; empty if it does not decode H.264. */
export function h264Codecs(): RTCRtpCodec[] {
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs ?? [];
  const is = (type: string) => (codec: RTCRtpCodec) => codec.mimeType.toLowerCase() === type;
  return codecs.some(is("video/h264")) ? [...codecs.filter(is("video/h264")), ...codecs.filter(is("video/rtx"))] : [];
}
