/** The clock and timers of this SDK, in one place so that tests bring their own. */
export interface Scheduler {
  /** Milliseconds on the time base of `performance.now()` and of `Event.timeStamp`. */
  now(): number;
  /** Calls back once; the result cancels. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const browserScheduler: Scheduler = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
