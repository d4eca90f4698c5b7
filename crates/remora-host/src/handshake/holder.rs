//! Decides which client holds the session while none is connected.
//!
//! ```text
//!   until-disconnect   no client
//!   until-stop         the first client that was connected: it received a secret with the answer to its offer, and
//!                      offers without that secret are refused
//! ```
//!
//! A secret binds when its client is connected, not when it is handed out. So a client that never connected, or never
//! received the answer, locks no other client out. While a client is connected the transport refuses all others by
//! itself.

use std::sync::{Mutex, MutexGuard};

use aws_lc_rs::{constant_time::verify_slices_are_equal, rand};
use remora_protocol::link::Exclusive;

const SECRET_BYTES: usize = 32;

/// The secrets of one session.
pub(crate) struct Holder {
    exclusive: Exclusive,
    secrets: Mutex<Secrets>,
}

#[derive(Default)]
struct Secrets {
    /// The secret of the client whose offer was answered last.
    promised: Option<String>,
    /// The secret of the client that holds the session.
    bound: Option<String>,
}

impl Holder {
    pub(crate) fn new(exclusive: Exclusive) -> Self {
        Self { exclusive, secrets: Mutex::default() }
    }

    /// Returns whether an offer with this secret, or without one, may be answered.
    pub(super) fn admits(&self, presented: Option<&str>) -> bool {
        let secrets = self.lock();
        let Some(bound) = &secrets.bound else { return true };
        presented.is_some_and(|presented| verify_slices_are_equal(presented.as_bytes(), bound.as_bytes()).is_ok())
    }

    /// Returns the secret for a client whose offer was answered, if it will need one.
    pub(super) fn promise(&self) -> Option<String> {
        if self.exclusive == Exclusive::UntilDisconnect {
            return None;
        }
        let mut secrets = self.lock();
        let secret = secrets.bound.clone().unwrap_or_else(new_secret);
        secrets.promised = Some(secret.clone());
        Some(secret)
    }

    /// Notes that the client whose offer was answered last is connected.
    pub(crate) fn connected(&self) {
        let mut secrets = self.lock();
        if secrets.bound.is_none() {
            secrets.bound = secrets.promised.take();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Secrets> {
        self.secrets.lock().expect("nothing panics under this lock")
    }
}

fn new_secret() -> String {
    let mut bytes = [0; SECRET_BYTES];
    rand::fill(&mut bytes).expect("the operating system has random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_disconnect_no_client_holds_the_session() {
        let holder = Holder::new(Exclusive::UntilDisconnect);
        assert_eq!(holder.promise(), None);
        holder.connected();
        assert!(holder.admits(None) && holder.admits(Some("anything")));
    }

    #[test]
    fn until_stop_only_the_first_connected_client_can_return() {
        let holder = Holder::new(Exclusive::UntilStop);
        let lost = holder.promise().expect("a secret");
        assert!(holder.admits(None), "a client that never connected locks no other out");
        let first = holder.promise().expect("a secret");
        assert_ne!(lost, first);
        holder.connected();
        for stranger in [None, Some(""), Some("guessed"), Some(lost.as_str())] {
            assert!(!holder.admits(stranger), "{stranger:?}");
        }
        assert!(holder.admits(Some(&first)));
        assert_eq!(holder.promise(), Some(first.clone()), "it keeps its secret");
        holder.connected();
        assert!(holder.admits(Some(&first)) && !holder.admits(None));
    }
}
