//! The state machine: transitions, due actions and their times.

use std::time::Duration;

use crate::{
    Action, Address, Ending, Event, ExtendRefused, HostId, Launch, LeaseMinutes, Owner, Phase, Policy, Refused,
    Reported, SessionKey, Size, Timestamp,
};

/// A leased session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Account and id.
    pub key: SessionKey,
    /// Size of its host.
    pub size: Size,
    /// Time that it may be Ready.
    pub lease: LeaseMinutes,
    /// Addresses of models to load as soon as a client connects.
    pub models: Vec<String>,
    /// The creator, which never changes; `None` where it has not been recorded.
    pub owner: Option<Owner>,
    /// Time of its creation.
    pub created_at: Timestamp,
    /// Time of the last change. Earlier times are raised to it, so that a clock that is set back has no effect.
    pub changed_at: Timestamp,
    /// Its phase, with what exists in it.
    pub phase: Phase,
}

impl Session {
    /// Returns a new session that waits for its first host.
    pub fn create(
        key: SessionKey,
        size: Size,
        lease: LeaseMinutes,
        models: Vec<String>,
        host: HostId,
        now: Timestamp,
    ) -> Self {
        let phase = Phase::Starting { host, attempt: 1, launch: Launch::Wanted { from: now } };
        Self { key, size, lease, models, owner: None, created_at: now, changed_at: now, phase }
    }

    /// Returns the session with its owner, which is set before the session is stored.
    #[must_use]
    pub fn owned_by(self, owner: Option<Owner>) -> Self {
        Self { owner, ..self }
    }

    /// Returns the session with a first host that is already running at that address.
    #[must_use]
    pub fn claiming(self, host: HostId, address: Address) -> Self {
        let launch = Launch::Claimed { address, at: self.created_at };
        Self { phase: Phase::Starting { host, attempt: 1, launch }, ..self }
    }

    /// Returns the session after the event. An event that changes nothing returns an equal value, which need not be
    /// stored. Time that has passed takes effect before the event.
    pub fn apply(&self, event: &Event, now: Timestamp, policy: &Policy) -> Result<Session, Refused> {
        let now = now.max(self.changed_at);
        let mut next = self.settled(now, policy);
        match event {
            Event::TimePassed => {}
            Event::Stopped => next.end(Ending::Stopped, now),
            Event::NoRoom { host } => {
                next.must_have(host)?;
                next.no_room();
            }
            Event::RoomGranted { host } => {
                next.must_have(host)?;
                next.room_granted(now)?;
            }
            Event::RoomReturned { host } => {
                next.must_have(host)?;
                next.room_returned();
            }
            Event::HostLaunched { host } => {
                next.must_have(host)?;
                next.launched(now);
            }
            Event::HostReported { host, reported } => {
                next.must_have(host)?;
                next.reported(reported, now, policy);
            }
            Event::HostLost { host, why } => {
                next.must_have(host)?;
                next.lost(why, now, policy);
            }
            Event::HostGone { host, next: replacement } => {
                next.must_have(host)?;
                next.gone(replacement, policy, now)?;
            }
        }
        if next != *self {
            next.changed_at = now;
        }
        Ok(next)
    }

    /// Returns the session with a longer lease. `lease` is the new total, not an increment.
    ///
    /// A lease that is over cannot be extended, even if the end has not been stored yet.
    pub fn extended(&self, lease: LeaseMinutes, now: Timestamp, policy: &Policy) -> Result<Session, ExtendRefused> {
        let now = now.max(self.changed_at);
        let settled = self.settled(now, policy);
        if !settled.is_live() {
            return Err(ExtendRefused::Ended);
        }
        if lease <= self.lease {
            return Err(ExtendRefused::NotLonger { current: self.lease });
        }
        Ok(Session { lease, changed_at: now, ..settled })
    }

    /// Returns the session after its owner has stopped it. A session that has ended stays as it is.
    #[must_use]
    pub fn stopped(&self, now: Timestamp, policy: &Policy) -> Session {
        let now = now.max(self.changed_at);
        let mut next = self.settled(now, policy);
        next.end(Ending::Stopped, now);
        if next != *self {
            next.changed_at = now;
        }
        next
    }

    /// Returns the session as it is at that time, even if the end of its lease or of its host has not been stored yet.
    /// Owners and hosts are told this state.
    #[must_use]
    pub fn settled(&self, now: Timestamp, policy: &Policy) -> Session {
        let now = now.max(self.changed_at);
        let mut next = self.clone();
        match &self.phase {
            Phase::Starting { launch: Launch::Waiting { since }, .. } => {
                let deadline = waiting_deadline(*since, policy);
                if deadline <= now {
                    let (size, seconds) = (self.size.as_str(), policy.capacity_wait.as_secs());
                    let why = format!("No room for a session of size {size} became free within {seconds} seconds.");
                    next.end(Ending::NoCapacity { why }, deadline);
                }
            }
            Phase::Starting { launch: Launch::Done { at }, .. } => {
                if start_deadline(*at, policy) <= now {
                    let seconds = policy.start_max.as_secs();
                    next.start_failed(&format!("The render host was not ready within {seconds} seconds."), now, policy);
                }
            }
            Phase::Starting { host, launch: Launch::Claimed { address, .. }, .. } => {
                let (host, address) = (host.clone(), address.clone());
                next.phase = Phase::Ready { host, address, since: now, heard_at: now };
            }
            Phase::Ready { since, heard_at, .. } => {
                let (lease_end, silence_end) = (*since + self.lease.duration(), silence_deadline(*heard_at, policy));
                if lease_end <= now && lease_end <= silence_end {
                    next.end(Ending::Expired, lease_end);
                } else if silence_end <= now {
                    let seconds = policy.silence_max.as_secs();
                    let why = format!("The render host has not been heard of for {seconds} seconds.");
                    next.end(Ending::Failed { why }, silence_end);
                }
            }
            Phase::Starting { launch: Launch::Wanted { .. } | Launch::Granted { .. }, .. }
            | Phase::Restarting { .. }
            | Phase::Ended { .. } => {}
        }
        if next != *self {
            next.changed_at = now;
        }
        next
    }

    /// Returns the action that is due now, derived from the stored session.
    pub fn due(&self, now: Timestamp, policy: &Policy) -> Option<Action> {
        if self.wake_at(policy)? > now {
            return None;
        }
        match &self.phase {
            Phase::Starting { launch: Launch::Waiting { since }, .. } if waiting_deadline(*since, policy) <= now => {
                Some(Action::Settle)
            }
            Phase::Starting {
                host,
                launch: Launch::Wanted { .. } | Launch::Waiting { .. } | Launch::Granted { .. },
                ..
            } => Some(Action::Launch(host.clone())),
            Phase::Restarting { host, .. } | Phase::Ended { host: Some(host), .. } => {
                Some(Action::Destroy(host.clone()))
            }
            Phase::Ended { host: None, .. } => Some(Action::Forget),
            Phase::Starting { launch: Launch::Done { .. } | Launch::Claimed { .. }, .. } | Phase::Ready { .. } => {
                Some(Action::Settle)
            }
        }
    }

    /// Returns when a session that waits for room gives up; `None` for any other.
    pub fn waits_until(&self, policy: &Policy) -> Option<Timestamp> {
        match &self.phase {
            Phase::Starting { launch: Launch::Waiting { since }, .. } => Some(waiting_deadline(*since, policy)),
            _ => None,
        }
    }

    /// Returns when the next action is due if nothing happens until then; `None` is never.
    pub fn wake_at(&self, policy: &Policy) -> Option<Timestamp> {
        match &self.phase {
            Phase::Starting { launch: Launch::Wanted { from }, .. } => Some(*from),
            // Always due, so that waiting sessions are found in the order of their times when there is room.
            Phase::Starting { launch: Launch::Waiting { since }, .. } => Some(*since),
            Phase::Starting { launch: Launch::Granted { at, .. }, .. } => Some(*at + policy.silence_max),
            Phase::Starting { launch: Launch::Done { at }, .. } => Some(start_deadline(*at, policy)),
            Phase::Restarting { failed_at, .. } => Some(*failed_at),
            Phase::Ready { since, heard_at, .. } => {
                Some((*since + self.lease.duration()).min(silence_deadline(*heard_at, policy)))
            }
            Phase::Ended { host: None, at, .. } => Some(*at + policy.keep_ended),
            Phase::Ended { how: Ending::Expired, at, host: Some(_), .. } => Some(*at + policy.farewell),
            Phase::Starting { launch: Launch::Claimed { at, .. }, .. } | Phase::Ended { at, host: Some(_), .. } => {
                Some(*at)
            }
        }
    }

    /// Returns whether the session is Starting, Restarting or Ready.
    pub fn is_live(&self) -> bool {
        !matches!(self.phase, Phase::Ended { .. })
    }

    /// Returns how long the session has been Ready, or was.
    pub fn elapsed(&self, now: Timestamp) -> Duration {
        match &self.phase {
            Phase::Starting { .. } | Phase::Restarting { .. } => Duration::ZERO,
            Phase::Ready { since, .. } => now.max(self.changed_at).since(*since),
            Phase::Ended { at, ready_since, .. } => ready_since.map_or(Duration::ZERO, |since| at.since(since)),
        }
    }

    /// Returns the remaining time of the lease: all of it before Ready, none after the end.
    pub fn lease_remaining(&self, now: Timestamp) -> Duration {
        match &self.phase {
            Phase::Starting { .. } | Phase::Restarting { .. } => self.lease.duration(),
            Phase::Ready { .. } => self.lease.duration().saturating_sub(self.elapsed(now)),
            Phase::Ended { .. } => Duration::ZERO,
        }
    }

    fn must_have(&self, host: &HostId) -> Result<(), Refused> {
        if self.phase.host() == Some(host) { Ok(()) } else { Err(Refused::OtherHost) }
    }

    fn no_room(&mut self) {
        if let Phase::Starting { launch, .. } = &mut self.phase
            && let Launch::Wanted { from: since } = *launch
        {
            *launch = Launch::Waiting { since };
        }
    }

    fn room_granted(&mut self, now: Timestamp) -> Result<(), Refused> {
        if let Phase::Starting { launch, .. } = &mut self.phase
            && let Launch::Wanted { from: since } | Launch::Waiting { since } = *launch
        {
            *launch = Launch::Granted { since, at: now };
            return Ok(());
        }
        Err(Refused::NotWaiting)
    }

    fn room_returned(&mut self) {
        if let Phase::Starting { launch, .. } = &mut self.phase
            && let Launch::Granted { since, .. } = *launch
        {
            *launch = Launch::Waiting { since };
        }
    }

    fn launched(&mut self, now: Timestamp) {
        if let Phase::Starting { launch, .. } = &mut self.phase
            && let Launch::Wanted { .. } | Launch::Waiting { .. } | Launch::Granted { .. } = launch
        {
            *launch = Launch::Done { at: now };
        }
    }

    fn reported(&mut self, reported: &Reported, now: Timestamp, policy: &Policy) {
        match (&mut self.phase, reported) {
            (Phase::Starting { .. }, Reported::Starting) => self.launched(now),
            (Phase::Starting { host, .. }, Reported::Ready(address)) => {
                let (host, address) = (host.clone(), address.clone());
                self.phase = Phase::Ready { host, address, since: now, heard_at: now };
            }
            (Phase::Ready { heard_at, .. }, Reported::Starting | Reported::Ready(_)) => {
                if now.since(*heard_at) >= policy.silence_max / 2 {
                    *heard_at = now;
                }
            }
            (Phase::Starting { .. } | Phase::Ready { .. }, Reported::Failed { why }) => self.lost(why, now, policy),
            (Phase::Restarting { .. } | Phase::Ended { .. }, _) => {}
        }
    }

    fn lost(&mut self, why: &str, now: Timestamp, policy: &Policy) {
        match &self.phase {
            Phase::Starting { .. } => self.start_failed(why, now, policy),
            Phase::Ready { .. } if self.lease_remaining(now) <= policy.lease_tolerance => {
                self.end(Ending::Expired, now);
            }
            Phase::Ready { .. } => self.end(Ending::Failed { why: why.to_owned() }, now),
            Phase::Restarting { .. } | Phase::Ended { .. } => {}
        }
    }

    fn start_failed(&mut self, why: &str, now: Timestamp, policy: &Policy) {
        let Phase::Starting { host, attempt, .. } = &self.phase else {
            return;
        };
        if *attempt < policy.attempts_max {
            let (host, attempt) = (host.clone(), *attempt);
            self.phase = Phase::Restarting { host, attempt, why: why.to_owned(), failed_at: now };
        } else {
            self.end(Ending::Failed { why: why.to_owned() }, now);
        }
    }

    fn gone(&mut self, next: &HostId, policy: &Policy, now: Timestamp) -> Result<(), Refused> {
        match &mut self.phase {
            Phase::Starting { .. } | Phase::Ready { .. } => self.lost("The render host is gone.", now, policy),
            Phase::Restarting { host, .. } if host == next => return Err(Refused::SameHost),
            Phase::Restarting { attempt, failed_at, .. } => {
                let from = now.max(*failed_at + policy.pause_after(*attempt));
                let attempt = *attempt + 1;
                self.phase = Phase::Starting { host: next.clone(), attempt, launch: Launch::Wanted { from } };
            }
            Phase::Ended { host, .. } => *host = None,
        }
        Ok(())
    }

    fn end(&mut self, how: Ending, at: Timestamp) {
        let (ready_since, host) = match &self.phase {
            Phase::Starting { host, .. } | Phase::Restarting { host, .. } => (None, host.clone()),
            Phase::Ready { host, since, .. } => (Some(*since), host.clone()),
            Phase::Ended { .. } => return,
        };
        self.phase = Phase::Ended { how, at, ready_since, host: Some(host) };
    }
}

/// Returns when a start counts as failed. A host that became ready while no control plane listened gets
/// [`silence_max`](Policy::silence_max) to report it.
fn start_deadline(launched_at: Timestamp, policy: &Policy) -> Timestamp {
    (launched_at + policy.start_max).max(policy.listening_since + policy.silence_max)
}

/// Returns when a wait for room ends. Time without a control plane does not count.
fn waiting_deadline(since: Timestamp, policy: &Policy) -> Timestamp {
    since.max(policy.listening_since) + policy.capacity_wait
}

/// Returns when a silent host counts as dead.
fn silence_deadline(heard_at: Timestamp, policy: &Policy) -> Timestamp {
    heard_at.max(policy.listening_since) + policy.silence_max
}
