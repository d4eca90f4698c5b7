/** `POST http(s)://hostname:handshakePort/connection`: an SDP offer for an SDP answer. */

import { refusalOf } from "../rest/errors.ts";
import { ConnectError, isHandshakeCode } from "./connect-error.ts";
import { keepResume, resumeHeaders } from "./resume.ts";

export interface HostAddress {
  readonly hostname: string;
  readonly handshakePort: number;
  /** False only where host and page are on one machine. */
  readonly secure: boolean;
}

export async function exchangeOffer(
  host: HostAddress,
  accessToken: string,
  offerSdp: string,
  deadline: AbortSignal,
): Promise<string> {
  const url = `${host.secure ? "https" : "http"}://${host.hostname}:${host.handshakePort}/connection`;
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${accessToken}`,
        "Content-Type": "application/sdp",
        ...resumeHeaders(host),
      },
      body: offerSdp,
      signal: deadline,
    });
  } catch (cause) {
    const message = `The render host does not answer at ${host.hostname}:${host.handshakePort}.`;
    throw new ConnectError("HostUnreachable", message, { cause });
  }
  if (!response.ok) {
    const refusal = await refusalOf(response);
    throw new ConnectError(isHandshakeCode(refusal.code) ? refusal.code : "Unexpected", refusal.message);
  }
  keepResume(host, response);
  return response.text();
}
