/**
 * The errors of this SDK. Everything that it throws or rejects with is a `RemoraError`; `code` tells programs what went
 * wrong, and `message` is a sentence for people.
 */

/** The reason for a {@link RemoraError}. */
export type RemoraErrorCode =
  // Any request to the service.
  /** The service or the render host does not allow connections from the origin of this page. */
  | "origin-refused"
  /** The service does not answer: the address is wrong, its certificate is not trusted, or the network is down. */
  | "service-unreachable"
  /** The access token, the account key or the identity token is missing or wrong. */
  | "unauthorized"
  /** The access token has expired. */
  | "token-expired"
  /** The token is valid, but gives no right to do this. */
  | "forbidden"
  /** No session has this id. */
  | "not-found"
  /** The request contradicts the state of the session, for example because the id is taken. */
  | "conflict"
  /** The request is malformed or contains a value that is not accepted. */
  | "bad-request"
  /** The account or the address has made too many requests. */
  | "too-many-requests"
  /** The account has reached its limit of sessions. */
  | "quota-exceeded"
  /** The service failed while it handled the request. */
  | "service-failed"
  /** The answer does not have the expected form. */
  | "unexpected-answer"
  // Sessions.
  /** The session was stopped, or its lease is over. */
  | "session-ended"
  /** The session failed; the message gives the reason. */
  | "session-failed"
  // Connections.
  /** This browser has no WebRTC, or cannot decode H.264. */
  | "unsupported-browser"
  /** Another client is connected to the session. */
  | "session-in-use"
  /** The render host does not answer. */
  | "host-unreachable"
  /** The render host did not accept the WebRTC offer. */
  | "offer-refused"
  /** The render host answered, but no network path to it was found. */
  | "ice-failed"
  /** No network path was found, and the TURN servers could not be reached or refused the credentials. */
  | "turn-failed"
  /** The connection was closed before the answer arrived. */
  | "closed"
  // Commands.
  /** There is no model at this address. */
  | "model-not-found"
  /** The file is not a model, or is damaged. */
  | "model-invalid"
  /** The model does not fit into the memory of the host. */
  | "model-too-large"
  /** The host does not load models from this address. */
  | "address-refused"
  /** The host has no memory left for the model. */
  | "out-of-memory"
  /** The scene has no entity with this id. */
  | "entity-not-found"
  /** The arguments of the command are out of range. */
  | "bad-command"
  /** The host or the service is overloaded; the same request can succeed later. */
  | "busy"
  /** The host refused the command for a reason that this version does not know. */
  | "command-refused"
  // Any call.
  /** The `AbortSignal` of the call was aborted. */
  | "aborted"
  /** No answer arrived in time; whether the request was carried out is unknown. */
  | "timeout";

/** The base class of all errors of this SDK. */
export class RemoraError extends Error {
  override readonly name: string = "RemoraError";
  /** The reason, for programs. */
  readonly code: RemoraErrorCode;

  constructor(code: RemoraErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The service, the token service or the handshake of a render host answered with an error. */
export class RequestRefused extends RemoraError {
  override readonly name = "RequestRefused";
  /** The HTTP status. */
  readonly status: number;
  /** The code in the answer, for example `SessionInUse`; see the OpenAPI documents. */
  readonly serviceCode: string;
  /** Seconds after which the service accepts another attempt, if the answer contains them. */
  readonly retryAfterSeconds: number | null;

  constructor(
    code: RemoraErrorCode,
    message: string,
    answer: { readonly status: number; readonly serviceCode: string; readonly retryAfterSeconds?: number | null },
  ) {
    super(code, message);
    this.status = answer.status;
    this.serviceCode = answer.serviceCode;
    this.retryAfterSeconds = answer.retryAfterSeconds ?? null;
  }
}

/** The render host refused a command, which has changed nothing. */
export class CommandRefused extends RemoraError {
  override readonly name = "CommandRefused";
  /** The host's own code, for example `ModelNotFound`. */
  readonly hostCode: string;
  /** Number and name of the `Result` of Azure Remote Rendering, for example 603 and `CyclicReference`, for edits of entities. */
  readonly result: { readonly number: number; readonly name: string } | null;

  constructor(hostCode: string, message: string, result: { number: number; name: string } | null = null) {
    super(COMMAND_CODES[hostCode] ?? "command-refused", message);
    this.hostCode = hostCode;
    this.result = result;
  }
}

const COMMAND_CODES: Readonly<Record<string, RemoraErrorCode>> = {
  ModelNotFound: "model-not-found",
  ModelInvalid: "model-invalid",
  ModelTooLarge: "model-too-large",
  UriRefused: "address-refused",
  OutOfMemory: "out-of-memory",
  EntityNotFound: "entity-not-found",
  BadCommand: "bad-command",
  Busy: "busy",
};

/** Returns the error for an aborted signal: a timeout, if the signal comes from `AbortSignal.timeout`. */
export function errorOfSignal(signal: AbortSignal): RemoraError {
  const cause: unknown = signal.reason;
  if (cause instanceof RemoraError) return cause;
  const timedOut = cause instanceof DOMException && cause.name === "TimeoutError";
  return timedOut
    ? new RemoraError("timeout", "No answer arrived in time.", { cause })
    : new RemoraError("aborted", "The call was aborted.", { cause });
}

/** Turns anything that was thrown into a `RemoraError`. */
export function errorOf(error: unknown): RemoraError {
  if (error instanceof RemoraError) return error;
  return new RemoraError("unexpected-answer", error instanceof Error ? error.message : String(error), { cause: error });
}

/** Throws if the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw errorOfSignal(signal);
}

/** Waits for `promise` until the signal is aborted; the work behind the promise continues. */
export function abortable<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(errorOfSignal(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
