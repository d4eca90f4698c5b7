//! Messages that wait: those of the client until the host has executed them, those of the host until the client's path
//! accepts them. No waiting message is lost, so both queues are bounded, by number and by bytes.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Upper bound on the client's messages that wait for the host. A page may ask for tens of thousands of entities at
/// once.
pub const RECEIVED_MAX: usize = 32_768;
const RECEIVED_BYTES_MAX: usize = 16 << 20;
/// Upper bound on the host's messages that wait. The host holds back commands long before that (see
/// [`super::TransportHandle::control_bytes_waiting`]).
const SENT_MAX: usize = 32_768;
const SENT_BYTES_MAX: usize = 8 << 20;

/// Counts waiting messages.
#[derive(Debug)]
pub(super) struct Backlog {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    messages_max: usize,
    bytes_max: usize,
}

impl Backlog {
    pub(super) fn of_received() -> Arc<Self> {
        Self::new(RECEIVED_MAX, RECEIVED_BYTES_MAX)
    }

    pub(super) fn of_sent() -> Arc<Self> {
        Self::new(SENT_MAX, SENT_BYTES_MAX)
    }

    fn new(messages_max: usize, bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { messages: AtomicUsize::new(0), bytes: AtomicUsize::new(0), messages_max, bytes_max })
    }

    /// Counts a message. Returns `None` if too much waits already.
    pub(super) fn admit(self: &Arc<Self>, bytes: Vec<u8>) -> Option<Message> {
        let messages = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        let waiting = self.bytes.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        // Dropping the message removes it from the count.
        let message = Message { bytes, backlog: Some(self.clone()) };
        (messages <= self.messages_max && waiting <= self.bytes_max).then_some(message)
    }

    /// Returns the bytes of all waiting messages.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// The bytes of a message, which count as waiting until it is dropped.
#[derive(Debug)]
pub struct Message {
    bytes: Vec<u8>,
    backlog: Option<Arc<Backlog>>,
}

impl Deref for Message {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns a message that no backlog counts.
impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, backlog: None }
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        if let Some(backlog) = &self.backlog {
            backlog.messages.fetch_sub(1, Ordering::Relaxed);
            backlog.bytes.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_admitted_up_to_a_number_and_bytes_and_again_when_some_were_dropped() {
        let backlog = Backlog::new(3, 10);
        let first = backlog.admit(vec![0; 4]).expect("room");
        let second = backlog.admit(vec![0; 6]).expect("room");
        assert_eq!(backlog.bytes(), 10);
        assert_eq!(backlog.admit(vec![0; 1]), None, "too many bytes");
        assert_eq!(backlog.bytes(), 10, "a refused message does not count");
        let third = backlog.admit(vec![]).expect("room");
        assert_eq!(backlog.admit(vec![]), None, "too many messages");
        drop((first, third));
        assert_eq!(backlog.admit(vec![0; 4]).as_deref(), Some(&[0; 4][..]));
        drop(second);
        assert_eq!(backlog.bytes(), 0);
    }
}
