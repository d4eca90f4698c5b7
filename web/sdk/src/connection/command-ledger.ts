/**
 * Commands that wait for their replies.
 *
 *   open() ─▶ pending ─settle(reply)─▶ fulfilled, or rejected with CommandRefused
 *                 ├─silence────────▶ rejected with CommandTimedOut
 *                 └─abandon()──────▶ rejected with ConnectionClosed
 *
 * Nothing is sent here, and no promise is ever left unsettled.
 */

import type { Reply } from "../generated/remora/v1/connection_pb.ts";
import type { Scheduler } from "../scheduler.ts";

/** The host did not do it. `code` is for programs, `message` for people. */
export class CommandRefused extends Error {
  override readonly name = "CommandRefused";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The host said nothing for too long; whether the command was done is unknown. */
export class CommandTimedOut extends Error {
  override readonly name = "CommandTimedOut";

  constructor(silenceMilliseconds: number) {
    super(`The render host did not answer within ${Math.round(silenceMilliseconds / 1000)} s.`);
  }
}

/** The connection ended before the reply came. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";

  constructor() {
    super("The connection was closed before the render host answered.");
  }
}

export type ReplyResult = Exclude<Reply["result"], { case: undefined } | { case: "error" }>;

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

  abandon(): void {
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(new ConnectionClosed());
  }

  #timer(id: number, silenceMilliseconds: number): () => void {
    return this.#scheduler.after(silenceMilliseconds, () =>
      this.#take(id)?.reject(new CommandTimedOut(silenceMilliseconds)),
    );
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.cancelTimer();
    return pending;
  }
}
