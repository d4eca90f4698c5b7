/** The clock and the timers of this SDK, which tests replace. */
export interface Scheduler {
  /** Returns milliseconds on the time base of `performance.now()` and of `Event.timeStamp`. */
  now(): number;
  /** Calls back once; returns a function that cancels the timer. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The clock and the timers of the browser. */
export const browserScheduler: Scheduler = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
