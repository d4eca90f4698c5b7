/** Queues the messages of the control channel, in their order, until a receiver is set. */

import { fromBinary } from "@bufbuild/protobuf";
import { RemoraError, type RemoraErrorCode } from "../errors.ts";
import { type HostMessage, HostMessageSchema, type Welcome } from "../generated/remora/v1/connection_pb.ts";
import type { Scheduler } from "../scheduler.ts";

const WELCOME_MILLISECONDS_MAX = 10_000;

/** The messages of one control channel. The first one is the welcome. */
export class Inbox {
  #waiting: HostMessage[] = [];
  #deliver: (message: HostMessage) => void = (message) => this.#waiting.push(message);
  #closed = false;
  #onClose: () => void = () => {};

  /** Starts to receive messages of a channel. */
  listen(control: RTCDataChannel): void {
    control.addEventListener("message", (event: MessageEvent<ArrayBuffer>) =>
      this.#deliver(fromBinary(HostMessageSchema, new Uint8Array(event.data))),
    );
    control.addEventListener("close", () => {
      this.#closed = true;
      this.#onClose();
    });
  }

  /** Waits for the first message, which is the welcome. */
  welcome(scheduler: Scheduler): Promise<Welcome> {
    return new Promise((resolve, reject) => {
      const refuse = (code: RemoraErrorCode, why: string) => reject(new RemoraError(code, why));
      const take = ({ message }: HostMessage) => {
        cancelTimer();
        this.#deliver = (later) => this.#waiting.push(later);
        if (message.case === "welcome") resolve(message.value);
        else if (message.case === "sessionEnding") refuse("session-ended", message.value.message);
        else refuse("unexpected-answer", "The first message of the render host was not a welcome.");
      };
      const cancelTimer = scheduler.after(WELCOME_MILLISECONDS_MAX, () =>
        refuse("timeout", "The render host accepted the connection, but sent nothing."),
      );
      this.#onClose = () => refuse("closed", "The render host closed the connection.");
      if (this.#closed) this.#onClose();
      const first = this.#waiting.shift();
      if (first === undefined) this.#deliver = take;
      else take(first);
    });
  }

  /** Passes all queued and later messages to `receive`. */
  deliverTo(receive: (message: HostMessage) => void): void {
    this.#deliver = receive;
    for (const message of this.#waiting.splice(0)) receive(message);
  }
}
