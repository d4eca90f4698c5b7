//! Rate limits for accounts and people, by class of request: token buckets, which fill at a steady rate and hold a
//! burst.
//!
//! ```text
//!   request with a valid token ─▶ reads | writes, by the token's person, then by its account
//!   token request ─▶ strangers, by peer ─▶ attempts, by peer and account ─▶ credentials are checked
//!                                                                            └─▶ tokens, by person, then by account
//! ```
//!
//! A person cannot use up the share of others in the account: the person's bucket comes first, and what it refuses does
//! not count for the account. Holders of account keys are not told apart.
//!
//! Each unknown account costs a database query, and the number of ids to try is endless. Token requests therefore also
//! count for the address alone, unless the address recently got a token of that account: people who have signed in
//! before are not affected by an attacker at the same address. The limits are the same for existing and unknown
//! accounts, so they do not reveal which accounts exist.
//!
//! No caller can use up the share of another account. Requests count for the account of their token, not for the one in
//! their path. Token requests contain nothing trustworthy before the key is checked, so attempts count for the pair of
//! account and address, and only successful ones count for the account. Guessing keys therefore slows down only the
//! network of the attacker.
//!
//! A limited number of buckets is kept, those that were used most recently. A dropped bucket starts full. Buckets
//! belong to one control plane, so several control planes side by side multiply the limits.

use std::convert::Infallible;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use quick_cache::sync::Cache;
use remora_protocol::subscriber::subscriber_of;
use remora_session::{AccountId, Owner, PersonId};

use crate::clock::Clock;
use crate::config::{self, Rate};
use crate::token::Bearer;

/// Number of buckets of each class.
const BUCKETS_MAX: usize = 8_192;

/// The rate limits of one control plane.
pub(crate) struct Limits {
    reads: Buckets<AccountId>,
    writes: Buckets<AccountId>,
    tokens: Buckets<AccountId>,
    person_reads: Buckets<PersonId>,
    person_writes: Buckets<PersonId>,
    person_tokens: Buckets<PersonId>,
    attempts: Buckets<(IpAddr, AccountId)>,
    strangers: Buckets<IpAddr>,
    /// Addresses that recently got a token of an account.
    known: Cache<(IpAddr, AccountId), ()>,
}

/// Class of a request, for the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Changes nothing.
    Read,
    /// May change something.
    Write,
}

/// The error for a request that exceeds a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests; the next is taken in {} s", retry_after.as_secs())]
pub(crate) struct TooMany {
    /// Time until a request is accepted again, in whole seconds, at least one.
    pub retry_after: Duration,
}

impl Limits {
    /// Makes full buckets.
    pub(crate) fn new(limits: &config::Limits, clock: &Clock) -> Self {
        Self {
            reads: Buckets::new(limits.reads, clock),
            writes: Buckets::new(limits.writes, clock),
            tokens: Buckets::new(limits.tokens, clock),
            person_reads: Buckets::new(limits.person_reads, clock),
            person_writes: Buckets::new(limits.person_writes, clock),
            person_tokens: Buckets::new(limits.person_tokens, clock),
            attempts: Buckets::new(limits.tokens, clock),
            strangers: Buckets::new(limits.stranger_tokens, clock),
            known: Cache::new(BUCKETS_MAX),
        }
    }

    /// Counts a request with a valid token.
    pub(crate) fn request(&self, caller: &Bearer, class: Class) -> Result<(), TooMany> {
        let (of_person, of_account) = match class {
            Class::Read => (&self.person_reads, &self.reads),
            Class::Write => (&self.person_writes, &self.writes),
        };
        if let Some(person) = caller.owner.as_ref().and_then(Owner::person) {
            of_person.take(person)?;
        }
        of_account.take(&caller.account)
    }

    /// Counts a token request before the credentials are checked and the account is looked up.
    pub(crate) fn token_attempt(&self, peer: IpAddr, account: &AccountId) -> Result<(), TooMany> {
        let pair = (subscriber_of(peer), account.clone());
        if self.known.get(&pair).is_none() {
            self.strangers.take(&pair.0)?;
        }
        self.attempts.take(&pair)
    }

    /// Counts a token request once its credentials have been verified.
    pub(crate) fn token(&self, peer: IpAddr, account: &AccountId, owner: &Owner) -> Result<(), TooMany> {
        self.known.insert((subscriber_of(peer), account.clone()), ());
        if let Some(person) = owner.person() {
            self.person_tokens.take(person)?;
        }
        self.tokens.take(account)
    }
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, GovernorClock, NoOpMiddleware<Duration>>;

struct Buckets<Key> {
    quota: Quota,
    clock: Clock,
    buckets: Cache<Key, Arc<Bucket>>,
}

impl<Key: Clone + Eq + Hash> Buckets<Key> {
    fn new(rate: Rate, clock: &Clock) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(rate.per_second)).allow_burst(at_least_one(rate.burst));
        Self { quota, clock: clock.clone(), buckets: Cache::new(BUCKETS_MAX) }
    }

    fn take(&self, key: &Key) -> Result<(), TooMany> {
        let new = || Ok::<_, Infallible>(Arc::new(RateLimiter::direct_with_clock(self.quota, self.governor_clock())));
        let Ok(bucket) = self.buckets.get_or_insert_with(key, new);
        bucket.check().map_err(|until| {
            let wait = until.wait_time_from(governor::clock::Clock::now(&self.governor_clock()));
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            TooMany { retry_after: Duration::from_secs(seconds.max(1)) }
        })
    }

    fn governor_clock(&self) -> GovernorClock {
        GovernorClock(self.clock.clone())
    }
}

/// Adapts the control plane's clock to the rate limiter, with the time since 1970.
struct GovernorClock(Clock);

impl governor::clock::Clock for GovernorClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now().as_milliseconds())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use remora_protocol::token::Role;
    use remora_session::{Person, Timestamp};

    use super::*;
    use crate::account::new_account_id;
    use crate::clock::ManualClock;

    const PEER: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    fn limits(rate: Rate) -> (Limits, ManualClock) {
        let (clock, hand) = Clock::manual(Timestamp::from_milliseconds(1_700_000_000_000));
        let lavish = Rate { per_second: 1_000_000, burst: 1_000_000 };
        let limits = config::Limits {
            reads: rate,
            writes: rate,
            tokens: rate,
            person_reads: lavish,
            person_writes: lavish,
            person_tokens: lavish,
            stranger_tokens: lavish,
        };
        (Limits::new(&limits, &clock), hand)
    }

    fn caller(account: &AccountId) -> Bearer {
        Bearer { account: account.clone(), role: Role::Client, owner: Some(Owner::AccountKey) }
    }

    #[test]
    fn a_burst_is_accepted_and_then_the_steady_rate() {
        let (limits, hand) = limits(Rate { per_second: 2, burst: 3 });
        let account = new_account_id();
        let read = || limits.request(&caller(&account), Class::Read);
        for _ in 0..3 {
            read().unwrap();
        }
        assert_eq!(read(), Err(TooMany { retry_after: Duration::from_secs(1) }));
        hand.advance(Duration::from_millis(499));
        assert!(read().is_err());
        hand.advance(Duration::from_millis(1));
        read().unwrap();
        assert!(read().is_err());
        hand.advance(Duration::from_mins(1));
        for _ in 0..3 {
            read().unwrap();
        }
        assert!(read().is_err(), "no more than the burst is saved up");
    }

    #[test]
    fn classes_and_accounts_have_separate_buckets() {
        let (limits, _hand) = limits(Rate { per_second: 1, burst: 1 });
        let (one, other) = (new_account_id(), new_account_id());
        for account in [&one, &other] {
            limits.request(&caller(account), Class::Read).unwrap();
            limits.request(&caller(account), Class::Write).unwrap();
            limits.token(PEER, account, &Owner::AccountKey).unwrap();
            limits.token_attempt(PEER, account).unwrap();
            assert!(limits.request(&caller(account), Class::Read).is_err());
            assert!(limits.request(&caller(account), Class::Write).is_err());
            assert!(limits.token(PEER, account, &Owner::AccountKey).is_err());
            assert!(limits.token_attempt(PEER, account).is_err());
        }
    }

    #[test]
    fn the_wait_is_in_whole_seconds_and_long_enough() {
        let (limits, hand) = limits(Rate { per_second: 1, burst: 1 });
        let account = new_account_id();
        let token = || limits.token(PEER, &account, &Owner::AccountKey);
        token().unwrap();
        hand.advance(Duration::from_millis(300));
        let TooMany { retry_after } = token().unwrap_err();
        assert_eq!(retry_after, Duration::from_secs(1));
        hand.advance(retry_after);
        token().unwrap();
    }

    #[test]
    fn attempts_count_for_the_network_of_the_peer_only() {
        let (limits, _hand) = limits(Rate { per_second: 1, burst: 1 });
        let account = new_account_id();
        let attempt = |peer: &str| limits.token_attempt(peer.parse().unwrap(), &account).is_ok();
        assert!(attempt("192.0.2.1") && !attempt("192.0.2.1"));
        assert!(!attempt("::ffff:192.0.2.1"), "the same address in another form");
        assert!(attempt("192.0.2.2"));
        assert!(attempt("2001:db8::1") && !attempt("2001:db8::2"), "one subscriber");
        assert!(attempt("2001:db8:0:1::1"));
    }

    #[test]
    fn clients_that_poll_fifty_sessions_are_never_refused_by_default() {
        let (clock, hand) = Clock::manual(Timestamp::from_milliseconds(1_700_000_000_000));
        let limits = Limits::new(&config::Limits::default(), &clock);
        let account = new_account_id();
        // Ten minutes with all requests at the same instant, which is the worst case.
        for _ in 0..300 {
            for _ in 0..50 {
                limits.request(&caller(&account), Class::Read).unwrap();
            }
            hand.advance(Duration::from_secs(2));
        }
    }

    #[test]
    fn the_number_of_buckets_is_bounded() {
        let (limits, _hand) = limits(Rate { per_second: 1, burst: 1 });
        for _ in 0..3 * BUCKETS_MAX {
            limits.token_attempt(PEER, &new_account_id()).unwrap();
        }
        assert!(limits.attempts.buckets.len() <= BUCKETS_MAX);
        for number in 0..3 * BUCKETS_MAX {
            let peer = Ipv6Addr::from((number as u128) << 64).into();
            limits.token_attempt(peer, &new_account_id()).unwrap();
            limits.token(peer, &new_account_id(), &person(&number.to_string())).unwrap();
        }
        assert!(limits.strangers.buckets.len() <= BUCKETS_MAX && limits.known.len() <= BUCKETS_MAX);
        assert!(limits.person_tokens.buckets.len() <= BUCKETS_MAX);
    }

    fn person(subject: &str) -> Owner {
        Owner::Person(Person::new(PersonId::new("https://login.example", subject).unwrap(), ""))
    }

    #[test]
    fn a_persons_limits_span_accounts_and_do_not_count_for_them() {
        let (clock, _hand) = Clock::manual(Timestamp::from_milliseconds(1_700_000_000_000));
        let once = Rate { per_second: 1, burst: 1 };
        let (person_reads, person_writes, person_tokens) = (once, once, once);
        let rates = config::Limits { person_reads, person_writes, person_tokens, ..config::Limits::default() };
        let limits = Limits::new(&rates, &clock);
        let of = |owner: &Owner| Bearer { owner: Some(owner.clone()), ..caller(&new_account_id()) };
        let ann = person("ann");
        for class in [Class::Read, Class::Write] {
            limits.request(&of(&ann), class).unwrap();
            assert!(limits.request(&of(&ann), class).is_err(), "another account, the same person");
            limits.request(&of(&person("bob")), class).unwrap();
        }
        limits.token(PEER, &new_account_id(), &ann).unwrap();
        assert!(limits.token(PEER, &new_account_id(), &ann).is_err());
        for _ in 0..5 {
            limits.request(&of(&Owner::AccountKey), Class::Write).unwrap();
        }
    }

    #[test]
    fn an_address_has_limited_attempts_on_accounts_of_which_it_has_had_no_token() {
        let (clock, hand) = Clock::manual(Timestamp::from_milliseconds(1_700_000_000_000));
        let stranger_tokens = Rate { per_second: 1, burst: 2 };
        let limits = Limits::new(&config::Limits { stranger_tokens, ..config::Limits::default() }, &clock);
        let unknown = |peer: &str| limits.token_attempt(peer.parse().unwrap(), &new_account_id()).is_ok();
        assert!(unknown("2001:db8::1") && unknown("2001:db8::2") && !unknown("2001:db8::3"), "one subscriber");
        assert!(unknown("2001:db8:0:1::1") && unknown("192.0.2.1"));
        let (peer, account) = ("2001:db8::4".parse().unwrap(), new_account_id());
        assert!(limits.token_attempt(peer, &account).is_err());
        hand.advance(Duration::from_secs(1));
        limits.token_attempt(peer, &account).unwrap();
        limits.token(peer, &account, &Owner::AccountKey).unwrap();
        for _ in 0..20 {
            limits.token_attempt(peer, &account).unwrap();
        }
        assert!(!unknown("2001:db8::4"));
    }
}
