//! `[limits]`: how often may be asked.

use serde::Deserialize;

/// Requests by class: of one account, and of one person whom an issuer knows. A client that polls 50 sessions every two
/// seconds needs 25 reads per second.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub reads: Rate,
    pub writes: Rate,
    pub tokens: Rate,
    pub person_reads: Rate,
    pub person_writes: Rate,
    pub person_tokens: Rate,
    /// Token requests from one network address, for accounts that it has had no token of lately.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// At least 1.
    pub per_second: u32,
    /// At once, after a pause; at least 1.
    pub burst: u32,
}
