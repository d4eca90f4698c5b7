/** `POST http(s)://hostname:handshakePort/connection`: an SDP offer for an SDP answer. */

import { request } from "../rest/request.ts";
import { keepResume, resumeHeaders } from "./resume.ts";

/** Where a render host accepts offers. */
export interface HostAddress {
  readonly hostname: string;
  readonly handshakePort: number;
  /** False only if the host and the page are on one machine. */
  readonly secure: boolean;
}

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
  keepResume(host, given);
  return body;
}
