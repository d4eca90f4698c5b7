//! `[limits]`: rate limits.

use serde::Deserialize;

/// Section `[limits]`: request rates by class, for one account and for one person whom an issuer identifies. A client
/// that polls 50 sessions every two seconds needs 25 reads per second.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Reads of one account.
    pub reads: Rate,
    /// Writes of one account.
    pub writes: Rate,
    /// Token requests for one account.
    pub tokens: Rate,
    /// Reads of one person.
    pub person_reads: Rate,
    /// Writes of one person.
    pub person_writes: Rate,
    /// Token requests of one person.
    pub person_tokens: Rate,
    /// Token requests from one network address for accounts of which it has had no token recently.
    pub stranger_tokens: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        let rate = |per_second, burst| Rate { per_second, burst };
        Self {
            reads: rate(500, 1_000),
            writes: rate(200, 1_000),
            tokens: rate(50, 200),
            person_reads: rate(100, 500),
            person_writes: rate(50, 200),
            person_tokens: rate(5, 50),
            stranger_tokens: rate(10, 200),
        }
    }
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests per second in the long run, at least 1.
    pub per_second: u32,
    /// Requests at once after a pause, at least 1.
    pub burst: u32,
}
