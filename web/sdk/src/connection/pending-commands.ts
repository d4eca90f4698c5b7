/**
 * Commands that wait for their replies.
 *
 *   open() ─▶ pending ─settle(reply)─▶ fulfilled, or rejected with CommandRefused
 *                 ├─silence────────▶ rejected with the code "timeout"
 *                 ├─cancel(error)──▶ rejected with that error
 *                 └─abandon()──────▶ rejected with the code "closed"
 *
 * Nothing is sent here, and no promise is ever left unsettled.
 */

import { CommandRefused, RemoraError } from "../errors.ts";
import type { Reply } from "../generated/remora/v1/connection_pb.ts";
import type { Scheduler } from "../scheduler.ts";

export type ReplyResult = Exclude<Reply["result"], { case: undefined } | { case: "error" }>;

/** Receives the stage of a load ("fetching", "decoding", "clustering", "uploading") and its fraction from 0 to 1. */
export type OnProgress = (stage: string, fraction: number) => void;

interface Pending {
  readonly fulfil: (result: ReplyResult) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: OnProgress | undefined;
  readonly silenceMilliseconds: number;
  cancelTimer: () => void;
}

export interface PendingCommand {
  readonly id: number;
  readonly reply: Promise<ReplyResult>;
}

export class CommandLedger {
  readonly #scheduler: Scheduler;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Starts to wait; progress counts as a sign of life. */
  open(silenceMilliseconds: number, onProgress?: OnProgress): PendingCommand {
    const id = this.#nextId;
    // 0 means "no reply wanted" on the wire.
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    const reply = new Promise<ReplyResult>((fulfil, reject) => {
      const cancelTimer = this.#timer(id, silenceMilliseconds);
      this.#pending.set(id, { fulfil, reject, onProgress, silenceMilliseconds, cancelTimer });
    });
    return { id, reply };
  }

  /** A reply that nobody waits for any more is dropped. */
  settle({ id, result }: Reply): void {
    const pending = this.#take(id);
    if (pending === undefined) return;
    switch (result.case) {
      case "error":
        pending.reject(new CommandRefused(result.value.code, result.value.message));
        break;
      case undefined:
        pending.reject(new CommandRefused("Unexpected", "The render host answered with something unknown."));
        break;
      default:
        pending.fulfil(result);
    }
  }

  /** False where no command with this id waits: a model is refined after its reply, and some are loaded unasked. */
  progress(id: number, stage: string, fraction: number): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined) return false;
    pending.cancelTimer();
    pending.cancelTimer = this.#timer(id, pending.silenceMilliseconds);
    pending.onProgress?.(stage, fraction);
    return true;
  }

  /** Stops waiting for one reply; one that still arrives is dropped. */
  cancel(id: number, error: RemoraError): void {
    this.#take(id)?.reject(error);
  }

  abandon(): void {
    for (const id of [...this.#pending.keys()]) {
      this.#take(id)?.reject(new RemoraError("closed", "The connection was closed before the render host answered."));
    }
  }

  #timer(id: number, silenceMilliseconds: number): () => void {
    return this.#scheduler.after(silenceMilliseconds, () =>
      this.#take(id)?.reject(
        new RemoraError("timeout", `The render host did not answer within ${Math.round(silenceMilliseconds / 1_000)} s.`),
      ),
    );
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.cancelTimer();
    return pending;
  }
}
