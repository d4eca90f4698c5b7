/**
 * Holds the commands that wait for their replies.
 *
 *   open() ─▶ pending ─settle(reply)─▶ fulfilled, or rejected with CommandRefused
 *                 ├─silence────────▶ rejected with the code "timeout"
 *                 ├─cancel(error)──▶ rejected with that error
 *                 └─abandon()──────▶ rejected with the code "closed"
 *
 * This class sends nothing, and leaves no promise unsettled.
 */

import { CommandRefused, RemoraError } from "../errors.ts";
import type { Error as HostError, Reply } from "../generated/remora/v1/connection_pb.ts";
import type { Scheduler } from "../scheduler.ts";

/** The result of a command that succeeded. */
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

/** A command that waits for its reply. */
export interface PendingCommand {
  readonly id: number;
  readonly reply: Promise<ReplyResult>;
}

/** The commands of one connection that wait for replies, by their ids. */
export class PendingCommands {
  readonly #scheduler: Scheduler;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Starts to wait for a reply. Rejects after `silenceMilliseconds` without a reply or progress. */
  open(silenceMilliseconds: number, onProgress?: OnProgress): PendingCommand {
    const id = this.#nextId;
    // Id 0 means on the wire that no reply is wanted.
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    const reply = new Promise<ReplyResult>((fulfil, reject) => {
      const cancelTimer = this.#timer(id, silenceMilliseconds);
      this.#pending.set(id, { fulfil, reject, onProgress, silenceMilliseconds, cancelTimer });
    });
    return { id, reply };
  }

  /** Settles the command with this id. A reply to a command that no longer waits is dropped. */
  settle({ id, result }: Reply): void {
    const pending = this.#take(id);
    if (pending === undefined) return;
    switch (result.case) {
      case "error":
        pending.reject(refusal(result.value));
        break;
      case undefined:
        pending.reject(new CommandRefused("Unexpected", "The render host answered with an unknown result."));
        break;
      default:
        pending.fulfil(result);
    }
  }

  /**
   * Passes on the progress of a command and restarts its timeout. Returns false if no command with this id waits: models are
   * refined after their reply, and hosts load some without a command.
   */
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

  /** Rejects every command because the connection is closed. */
  abandon(): void {
    for (const id of [...this.#pending.keys()]) {
      this.#take(id)?.reject(new RemoraError("closed", "The connection was closed before the render host answered."));
    }
  }

  #timer(id: number, silenceMilliseconds: number): () => void {
    return this.#scheduler.after(silenceMilliseconds, () =>
      this.#take(id)?.reject(
        new RemoraError(
          "timeout",
          `The render host did not answer within ${Math.round(silenceMilliseconds / 1_000)} s.`,
        ),
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

function refusal({ code, message, result, resultName }: HostError): CommandRefused {
  return new CommandRefused(code, message, result === 0 ? null : { number: result, name: resultName });
}
