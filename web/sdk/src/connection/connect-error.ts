/** Why a client did not get connected. */
export type ConnectErrorCode =
  /** Another client holds the session. */
  | "SessionInUse"
  /** The access token is missing, forged or expired. */
  | "Unauthorized"
  /** The token is of another account, or the page of a foreign origin. */
  | "Forbidden"
  | "BadOffer"
  | "TooLarge"
  /** No answer on the handshake port. */
  | "HostUnreachable"
  /** The handshake succeeded, but no way for pictures was found in time. */
  | "NoRoute"
  /** This browser cannot receive H.264 video by WebRTC. */
  | "Unsupported"
  /** An answer that this version does not know. */
  | "Unexpected";

export class ConnectError extends Error {
  override readonly name = "ConnectError";
  readonly code: ConnectErrorCode;

  constructor(code: ConnectErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const HANDSHAKE_CODES: ReadonlySet<string> = new Set([
  "SessionInUse",
  "Unauthorized",
  "Forbidden",
  "BadOffer",
  "TooLarge",
] satisfies ConnectErrorCode[]);

export function isHandshakeCode(code: string): code is ConnectErrorCode {
  return HANDSHAKE_CODES.has(code);
}
