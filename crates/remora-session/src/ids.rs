//! Names and numbers from outside, valid by construction.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Id of an account: a GUID in lower case with hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

/// The text is not an account id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an account id is a GUID like 11111111-2222-3333-4444-555555555555")]
pub struct InvalidAccountId;

impl AccountId {
    /// Returns the GUID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(text: &str) -> Result<Self, InvalidAccountId> {
        const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
        let groups: Vec<&str> = text.split('-').take(GROUPS.len() + 1).collect();
        let shaped = groups.len() == GROUPS.len()
            && groups.iter().zip(GROUPS).all(|(group, length)| group.len() == length)
            && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if shaped { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidAccountId) }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Id of a session: chosen by its owner, case-sensitive, unique within the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(String);

/// The text is not a session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session id has 1 to {} letters, digits, hyphens and underscores", SessionId::LENGTH_MAX)]
pub struct InvalidSessionId;

impl SessionId {
    /// Maximum number of characters, all of which are ASCII.
    pub const LENGTH_MAX: usize = 256;

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let valid = (1..=Self::LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidSessionId) }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Name of a host, given before the host exists. It is unique among all accounts, sessions and attempts, and safe as a
/// file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(String);

/// The text is not a host id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host id has 1 to {} lower-case letters, digits and hyphens", HostId::LENGTH_MAX)]
pub struct InvalidHostId;

impl HostId {
    /// Maximum number of characters: those of a DNS label, so that the name fits a Kubernetes Pod.
    pub const LENGTH_MAX: usize = 63;

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostId {
    type Err = InvalidHostId;

    fn from_str(text: &str) -> Result<Self, InvalidHostId> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = (1..=Self::LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidHostId) }
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Name of a session among the sessions of all accounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// Account of the session.
    pub account: AccountId,
    /// Id of the session in its account.
    pub session: SessionId,
}

impl fmt::Display for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.account, self.session)
    }
}

/// The kind of machine that renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Size {
    /// The smaller kind.
    Standard,
    /// The larger kind.
    Premium,
}

/// The text is not a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a size is Standard or Premium, in any case")]
pub struct InvalidSize;

impl Size {
    /// All sizes.
    pub const ALL: [Size; 2] = [Size::Standard, Size::Premium];

    /// Returns the name as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Size::Standard => "Standard",
            Size::Premium => "Premium",
        }
    }
}

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        Self::ALL.into_iter().find(|size| size.as_str().eq_ignore_ascii_case(text)).ok_or(InvalidSize)
    }
}

/// Time that a session may be Ready, in whole minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseMinutes(u16);

/// The number is not the length of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lease has 0 to {} whole minutes", LeaseMinutes::MAX.get())]
pub struct InvalidLease;

impl LeaseMinutes {
    /// The longest lease: a day, as in the original service.
    pub const MAX: LeaseMinutes = LeaseMinutes(1_440);

    /// Returns the number of minutes.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns the length as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64 * 60)
    }
}

impl TryFrom<i64> for LeaseMinutes {
    type Error = InvalidLease;

    fn try_from(minutes: i64) -> Result<Self, InvalidLease> {
        match u16::try_from(minutes) {
            Ok(minutes) if minutes <= Self::MAX.0 => Ok(Self(minutes)),
            _ => Err(InvalidLease),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_are_guids_in_any_case() {
        let id: AccountId = "AAAAAAAA-bbbb-cccc-dddd-EEEEEEEEEEEE".parse().unwrap();
        assert_eq!(id.as_str(), "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
        for bad in ["", "aaaaaaaabbbbccccddddeeeeeeeeeeee", "gaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "a-b-c-d-e"] {
            assert_eq!(bad.parse::<AccountId>(), Err(InvalidAccountId), "{bad}");
        }
        assert!("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee-".parse::<AccountId>().is_err());
    }

    #[test]
    fn session_ids_keep_their_case_and_have_256_characters_at_most() {
        assert_eq!("Sample-Session_1".parse::<SessionId>().unwrap().as_str(), "Sample-Session_1");
        assert!("x".repeat(256).parse::<SessionId>().is_ok());
        for bad in [String::new(), "x".repeat(257), "a b".into(), "a/b".into(), "ä".into(), ":stop".into()] {
            assert_eq!(bad.parse::<SessionId>(), Err(InvalidSessionId), "{bad}");
        }
    }

    #[test]
    fn host_ids_cannot_leave_a_directory() {
        assert!("3f2a-1".parse::<HostId>().is_ok());
        for bad in ["..", "a/b", "A", "", "a.b", "a_b"] {
            assert_eq!(bad.parse::<HostId>(), Err(InvalidHostId), "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_in_any_case_and_written_in_one() {
        assert_eq!("standard".parse::<Size>().unwrap().as_str(), "Standard");
        assert_eq!("PREMIUM".parse::<Size>().unwrap().as_str(), "Premium");
        assert!("Tiny".parse::<Size>().is_err());
    }

    #[test]
    fn leases_end_within_a_day() {
        assert_eq!(LeaseMinutes::try_from(0).unwrap().get(), 0);
        assert_eq!(LeaseMinutes::try_from(1_440).unwrap(), LeaseMinutes::MAX);
        for bad in [-1, 1_441, i64::MAX, i64::MIN, 65_536] {
            assert_eq!(LeaseMinutes::try_from(bad), Err(InvalidLease), "{bad}");
        }
    }
}
