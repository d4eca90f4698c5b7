//! The only file of the control plane that reads a clock.
//!
//! The system clock is read once at the start. From then on the boot-time clock is added to it, so that time never goes
//! back when the system clock is set. It also counts the time for which a machine is suspended, as leases do.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use remora_session::Timestamp;
use tokio::sync::watch;

/// Longest wait without reading the clock. Timers stop while a machine is suspended, but leases do not.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Deadline of blocking work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline this long from now.
    pub(crate) fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// Returns whether the deadline has passed.
    pub(crate) fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }
}

/// The time: of the machine, or for tests one that stands still.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { offset: Duration },
    Manual { now: watch::Receiver<Timestamp>, _keeps_open: Arc<watch::Sender<Timestamp>> },
}

impl Clock {
    /// Returns the clock of the machine.
    pub fn system() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Source::System { offset: wall.saturating_sub(since_boot()) })
    }

    /// Returns a clock for tests, which stands still until it is advanced.
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let (sender, now) = watch::channel(start);
        let sender = Arc::new(sender);
        (Self(Source::Manual { now, _keeps_open: sender.clone() }), ManualClock(sender))
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { offset } => Timestamp::from_milliseconds(0) + (*offset + since_boot()),
            Source::Manual { now, .. } => *now.borrow(),
        }
    }

    /// Returns the time since a fixed instant in nanoseconds, for measuring durations.
    pub fn precise(&self) -> Duration {
        match &self.0 {
            Source::System { .. } => since_boot(),
            Source::Manual { now, .. } => Duration::from_millis(now.borrow().as_milliseconds()),
        }
    }

    /// Waits until this time.
    pub async fn sleep_until(&self, time: Timestamp) {
        match &self.0 {
            Source::System { .. } => loop {
                let left = time.since(self.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK_INTERVAL)).await;
            },
            Source::Manual { now, .. } => {
                let mut now = now.clone();
                let _ = now.wait_for(|now| *now >= time).await.expect("the sender lives in the clock");
            }
        }
    }

    /// Waits for this long.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }
}

/// Advances all clones of its [`Clock`].
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<watch::Sender<Timestamp>>);

impl ManualClock {
    /// Advances the clock by this long.
    pub fn advance(&self, duration: Duration) {
        self.0.send_modify(|now| *now = *now + duration);
    }
}

fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).expect("a machine was booted before it runs");
    let nanoseconds = u32::try_from(now.tv_nsec).expect("nanoseconds of a second are fewer than 2^30");
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_has_the_time_of_day() {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let told = Duration::from_millis(Clock::system().now().as_milliseconds());
        assert!(told.abs_diff(wall) < Duration::from_secs(5), "{told:?} is not {wall:?}");
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_waiting_tasks_on_time() {
        let (clock, hand) = Clock::manual(Timestamp::from_milliseconds(1_000));
        let time = clock.now() + Duration::from_secs(2);
        let sleeper = tokio::spawn(async move {
            clock.sleep_until(time).await;
            clock.now()
        });
        hand.advance(Duration::from_millis(1_999));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        hand.advance(Duration::from_millis(1));
        assert_eq!(sleeper.await.unwrap(), Timestamp::from_milliseconds(3_000));
    }
}
