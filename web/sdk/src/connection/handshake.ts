/** Exchanges an SDP offer for an SDP answer: `POST http(s)://hostname:handshakePort/connection`. */

import { request } from "../rest/request.ts";
import { resumeHeaders, storeResume } from "./resume.ts";

/** The address at which a render host accepts offers. */
export interface HostAddress {
  readonly hostname: string;
  readonly handshakePort: number;
  /** True for HTTPS; false only if the host and the page are on one machine. */
  readonly secure: boolean;
}

/** Sends an offer to a render host and returns its answer. */
export async function exchangeOffer(
  host: HostAddress,
  accessToken: string,
  offerSdp: string,
  signal: AbortSignal,
): Promise<string> {
  const url = `${host.secure ? "https" : "http"}://${host.hostname}:${host.handshakePort}/connection`;
  const headers = {
    Authorization: `Bearer ${accessToken}`,
    "Content-Type": "application/sdp",
    ...resumeHeaders(host),
  };
  const init = { method: "POST", headers, body: offerSdp };
  const { headers: given, body } = await request(url, init, { signal, accessToken, unreachable: "host-unreachable" });
  storeResume(host, given);
  return body;
}
