//! Who holds the session while nobody is connected.
//!
//! ```text
//!   until-disconnect   nobody
//!   until-stop         the first client that was connected: it got a secret with the answer to its offer, and whoever
//!                      does not bring that is refused
//! ```
//!
//! A secret binds when its client is connected, not when it is handed out: a client that never got through, or never
//! got the answer, has locked nobody out. While somebody is connected the transport refuses all others by itself.

use std::sync::{Mutex, MutexGuard};

use aws_lc_rs::{constant_time::verify_slices_are_equal, rand};
use remora_protocol::link::Exclusive;

const SECRET_BYTES: usize = 32;

pub struct Holder {
    exclusive: Exclusive,
    secrets: Mutex<Secrets>,
}

#[derive(Default)]
struct Secrets {
    /// Of the client whose offer was answered last.
    promised: Option<String>,
    /// Of the client that holds the session.
    bound: Option<String>,
}

impl Holder {
    pub fn new(exclusive: Exclusive) -> Self {
        Self { exclusive, secrets: Mutex::default() }
    }

    /// Whether a client with that secret, or none, may have its offer answered.
    pub fn admits(&self, presented: Option<&str>) -> bool {
        let secrets = self.lock();
        let Some(bound) = &secrets.bound else { return true };
        presented.is_some_and(|presented| verify_slices_are_equal(presented.as_bytes(), bound.as_bytes()).is_ok())
    }

    /// The secret for a client whose offer has been answered, if it will need one.
    pub fn promise(&self) -> Option<String> {
        if self.exclusive == Exclusive::UntilDisconnect {
            return None;
        }
        let mut secrets = self.lock();
        let secret = secrets.bound.clone().unwrap_or_else(new_secret);
        secrets.promised = Some(secret.clone());
        Some(secret)
    }

    /// The client whose offer was answered last is connected.
    pub fn connected(&self) {
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
    fn until_disconnect_nobody_holds_the_session() {
        let holder = Holder::new(Exclusive::UntilDisconnect);
        assert_eq!(holder.promise(), None);
        holder.connected();
        assert!(holder.admits(None) && holder.admits(Some("anything")));
    }

    #[test]
    fn until_stop_only_the_first_that_was_connected_comes_back() {
        let holder = Holder::new(Exclusive::UntilStop);
        let lost = holder.promise().expect("a secret");
        assert!(holder.admits(None), "a client that never got through locks nobody out");
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
