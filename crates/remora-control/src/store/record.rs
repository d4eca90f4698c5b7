//! The representation of a session in a row. The names here are on disk: names may be added, none may change.

use remora_session::{
    Address, Ending, HostId, Launch, LeaseMinutes, Owner, Person, PersonId, Phase, Session, SessionKey, Timestamp,
};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::error::StoreError;
use super::stored::{Generation, Stored};
use crate::account::KeyHash;

#[derive(Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
enum PhaseRecord {
    Starting {
        host: String,
        attempt: u32,
        wanted_from: Option<u64>,
        launched_at: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        waiting_since: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        granted: Option<GrantedRecord>,
        #[serde(skip_serializing_if = "Option::is_none")]
        claimed: Option<ClaimedRecord>,
    },
    Restarting {
        host: String,
        attempt: u32,
        why: String,
        failed_at: u64,
    },
    Ready {
        host: String,
        hostname: String,
        handshake_port: u16,
        inspector_port: u16,
        since: u64,
        heard_at: u64,
    },
    Ended {
        how: EndingRecord,
        at: u64,
        ready_since: Option<u64>,
        host: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ClaimedRecord {
    address: AddressRecord,
    at: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct GrantedRecord {
    since: u64,
    at: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct AddressRecord {
    hostname: String,
    handshake_port: u16,
    inspector_port: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EndingRecord {
    Stopped,
    Expired,
    NoCapacity { why: String },
    Failed { why: String },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OwnerRecord {
    AccountKey,
    Person { issuer: String, subject: String, name: String },
}

impl AddressRecord {
    fn of(address: &Address) -> Self {
        Self {
            hostname: address.hostname.clone(),
            handshake_port: address.handshake_port,
            inspector_port: address.inspector_port,
        }
    }

    fn into_address(self) -> Address {
        let Self { hostname, handshake_port, inspector_port } = self;
        Address { hostname, handshake_port, inspector_port }
    }
}

pub(super) fn address_to_text(address: &Address) -> String {
    serde_json::to_string(&AddressRecord::of(address)).expect("strings and numbers are JSON")
}

pub(super) fn text_to_address(text: &str) -> Result<Address, StoreError> {
    let record: AddressRecord = serde_json::from_str(text).map_err(unreadable)?;
    Ok(record.into_address())
}

pub(super) fn owner_to_text(owner: &Owner) -> String {
    let record = match owner {
        Owner::AccountKey => OwnerRecord::AccountKey,
        Owner::Person(person) => OwnerRecord::Person {
            issuer: person.id().issuer().to_owned(),
            subject: person.id().subject().to_owned(),
            name: person.name().to_owned(),
        },
    };
    serde_json::to_string(&record).expect("strings are JSON")
}

fn text_to_owner(text: &str) -> Result<Owner, StoreError> {
    Ok(match serde_json::from_str(text).map_err(unreadable)? {
        OwnerRecord::AccountKey => Owner::AccountKey,
        OwnerRecord::Person { issuer, subject, name } => {
            Owner::Person(Person::new(PersonId::new(&issuer, &subject).map_err(unreadable)?, &name))
        }
    })
}

/// Returns the column by which the sessions of a person are found.
pub(super) fn person_of(session: &Session) -> Option<String> {
    session.owner.as_ref()?.person().map(PersonId::to_string)
}

pub(super) fn models_to_text(models: &[String]) -> String {
    serde_json::to_string(models).expect("strings are JSON")
}

/// Returns the start of the lease of a session that is Ready.
pub(super) fn ready_at(session: &Session) -> Option<Timestamp> {
    match &session.phase {
        Phase::Ready { since, .. } => Some(*since),
        Phase::Starting { .. } | Phase::Restarting { .. } | Phase::Ended { .. } => None,
    }
}

pub(super) fn phase_to_text(phase: &Phase) -> String {
    let record = match phase {
        Phase::Starting { host, attempt, launch } => {
            let time = |time: &Timestamp| Some(time.as_milliseconds());
            let (mut wanted_from, mut waiting_since, mut granted) = (None, None, None);
            let (mut launched_at, mut claimed) = (None, None);
            match launch {
                Launch::Wanted { from } => wanted_from = time(from),
                Launch::Waiting { since } => waiting_since = time(since),
                Launch::Granted { since, at } => {
                    granted = Some(GrantedRecord { since: since.as_milliseconds(), at: at.as_milliseconds() });
                }
                Launch::Done { at } => launched_at = time(at),
                Launch::Claimed { address, at } => {
                    claimed = Some(ClaimedRecord { address: AddressRecord::of(address), at: at.as_milliseconds() });
                }
            }
            let (host, attempt) = (host.to_string(), *attempt);
            PhaseRecord::Starting { host, attempt, wanted_from, launched_at, waiting_since, granted, claimed }
        }
        Phase::Restarting { host, attempt, why, failed_at } => PhaseRecord::Restarting {
            host: host.to_string(),
            attempt: *attempt,
            why: why.clone(),
            failed_at: failed_at.as_milliseconds(),
        },
        Phase::Ready { host, address, since, heard_at } => PhaseRecord::Ready {
            host: host.to_string(),
            hostname: address.hostname.clone(),
            handshake_port: address.handshake_port,
            inspector_port: address.inspector_port,
            since: since.as_milliseconds(),
            heard_at: heard_at.as_milliseconds(),
        },
        Phase::Ended { how, at, ready_since, host } => PhaseRecord::Ended {
            how: match how {
                Ending::Stopped => EndingRecord::Stopped,
                Ending::Expired => EndingRecord::Expired,
                Ending::NoCapacity { why } => EndingRecord::NoCapacity { why: why.clone() },
                Ending::Failed { why } => EndingRecord::Failed { why: why.clone() },
            },
            at: at.as_milliseconds(),
            ready_since: ready_since.map(Timestamp::as_milliseconds),
            host: host.as_ref().map(HostId::to_string),
        },
    };
    serde_json::to_string(&record).expect("strings and numbers are JSON")
}

pub(super) fn text_to_phase(text: &str) -> Result<Phase, StoreError> {
    let host = |id: String| id.parse::<HostId>().map_err(unreadable);
    let time = Timestamp::from_milliseconds;
    Ok(match serde_json::from_str(text).map_err(unreadable)? {
        PhaseRecord::Starting { host: id, attempt, wanted_from, launched_at, waiting_since, granted, claimed } => {
            let launch = claimed
                .map(|ClaimedRecord { address, at }| Launch::Claimed { address: address.into_address(), at: time(at) })
                .or(launched_at.map(|at| Launch::Done { at: time(at) }))
                .or(granted.map(|GrantedRecord { since, at }| Launch::Granted { since: time(since), at: time(at) }))
                .or(waiting_since.map(|since| Launch::Waiting { since: time(since) }))
                .or(wanted_from.map(|from| Launch::Wanted { from: time(from) }))
                .ok_or_else(|| StoreError::Unreadable("a start that is neither wanted nor done".into()))?;
            Phase::Starting { host: host(id)?, attempt, launch }
        }
        PhaseRecord::Restarting { host: id, attempt, why, failed_at } => {
            Phase::Restarting { host: host(id)?, attempt, why, failed_at: time(failed_at) }
        }
        PhaseRecord::Ready { host: id, hostname, handshake_port, inspector_port, since, heard_at } => Phase::Ready {
            host: host(id)?,
            address: Address { hostname, handshake_port, inspector_port },
            since: time(since),
            heard_at: time(heard_at),
        },
        PhaseRecord::Ended { how, at, ready_since, host: id } => Phase::Ended {
            how: match how {
                EndingRecord::Stopped => Ending::Stopped,
                EndingRecord::Expired => Ending::Expired,
                EndingRecord::NoCapacity { why } => Ending::NoCapacity { why },
                EndingRecord::Failed { why } => Ending::Failed { why },
            },
            at: time(at),
            ready_since: ready_since.map(time),
            host: id.map(host).transpose()?,
        },
    })
}

pub(super) fn row_to_stored(row: &AnyRow) -> Result<Stored, StoreError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let time = |column: &str| row.try_get::<i64, _>(column).map(to_timestamp);
    let key = SessionKey {
        account: text("account")?.parse().map_err(unreadable)?,
        session: text("id")?.parse().map_err(unreadable)?,
    };
    let session = Session {
        key,
        size: text("size")?.parse().map_err(unreadable)?,
        lease: LeaseMinutes::try_from(row.try_get::<i64, _>("lease_minutes")?).map_err(unreadable)?,
        models: serde_json::from_str(&text("models")?).map_err(unreadable)?,
        owner: row_to_owner(row)?,
        created_at: time("created_at")?,
        changed_at: time("changed_at")?,
        phase: text_to_phase(&text("phase")?)?,
    };
    let generation = row.try_get::<i64, _>("generation")?;
    Ok(Stored {
        generation: Generation::from_column(generation).ok_or_else(|| unreadable("a negative generation"))?,
        wake_at: row.try_get::<Option<i64>, _>("wake_at")?.map(to_timestamp),
        session,
    })
}

pub(super) fn row_to_owner(row: &AnyRow) -> Result<Option<Owner>, StoreError> {
    row.try_get::<Option<String>, _>("owner")?.map(|text| text_to_owner(&text)).transpose()
}

pub(super) fn row_to_key(row: &AnyRow) -> Result<KeyHash, StoreError> {
    let column = |name| row.try_get::<Vec<u8>, _>(name);
    let wrong_length = |_| StoreError::Unreadable("a key of the wrong length".into());
    Ok(KeyHash {
        salt: column("salt")?.try_into().map_err(wrong_length)?,
        digest: column("digest")?.try_into().map_err(wrong_length)?,
    })
}

/// Converts to the databases' signed integers. A time that does not fit becomes the latest possible one.
pub(super) fn from_timestamp(time: Timestamp) -> i64 {
    i64::try_from(time.as_milliseconds()).unwrap_or(i64::MAX)
}

pub(super) fn to_timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(u64::try_from(milliseconds).unwrap_or(0))
}

pub(super) fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable(error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time() -> impl Strategy<Value = Timestamp> {
        (0..i64::MAX as u64).prop_map(Timestamp::from_milliseconds)
    }

    fn host() -> impl Strategy<Value = HostId> {
        "[a-z0-9-]{1,63}".prop_map(|id| id.parse().expect("the pattern is that of a host id"))
    }

    fn address() -> impl Strategy<Value = Address> {
        (any::<String>(), any::<u16>(), any::<u16>()).prop_map(|(hostname, handshake_port, inspector_port)| Address {
            hostname,
            handshake_port,
            inspector_port,
        })
    }

    fn phase() -> impl Strategy<Value = Phase> {
        let launch = prop_oneof![
            time().prop_map(|from| Launch::Wanted { from }),
            time().prop_map(|since| Launch::Waiting { since }),
            (time(), time()).prop_map(|(since, at)| Launch::Granted { since, at }),
            time().prop_map(|at| Launch::Done { at }),
            (address(), time()).prop_map(|(address, at)| Launch::Claimed { address, at }),
        ];
        let how = prop_oneof![
            Just(Ending::Stopped),
            Just(Ending::Expired),
            any::<String>().prop_map(|why| Ending::NoCapacity { why }),
            any::<String>().prop_map(|why| Ending::Failed { why })
        ];
        prop_oneof![
            (host(), any::<u32>(), launch).prop_map(|(host, attempt, launch)| Phase::Starting {
                host,
                attempt,
                launch
            }),
            (host(), any::<u32>(), any::<String>(), time())
                .prop_map(|(host, attempt, why, failed_at)| Phase::Restarting { host, attempt, why, failed_at }),
            (host(), address(), time(), time()).prop_map(|(host, address, since, heard_at)| Phase::Ready {
                host,
                address,
                since,
                heard_at
            }),
            (how, time(), prop::option::of(time()), prop::option::of(host()))
                .prop_map(|(how, at, ready_since, host)| Phase::Ended { how, at, ready_since, host }),
        ]
    }

    proptest! {
        #[test]
        fn a_phase_that_was_written_is_read_as_it_was(phase in phase()) {
            prop_assert_eq!(text_to_phase(&phase_to_text(&phase)).unwrap(), phase);
        }
    }

    #[test]
    fn owners_are_read_as_they_were_written() {
        for text in
            [r#""account-key""#, r#"{"person":{"issuer":"https://login.example","subject":"s","name":"Ann \"ä\""}}"#]
        {
            assert_eq!(owner_to_text(&text_to_owner(text).unwrap()), text);
        }
    }

    #[test]
    fn rows_of_the_first_release_stay_readable() {
        for text in [
            r#"{"phase":"starting","host":"h","attempt":1,"wanted-from":5,"launched-at":null}"#,
            r#"{"phase":"restarting","host":"h","attempt":1,"why":"w","failed-at":5}"#,
            concat!(
                r#"{"phase":"ready","host":"h","hostname":"localhost","handshake-port":50000,"#,
                r#""inspector-port":50001,"since":5,"heard-at":6}"#
            ),
            r#"{"phase":"ended","how":{"failed":{"why":"w"}},"at":5,"ready-since":null,"host":null}"#,
            r#"{"phase":"ended","how":"expired","at":5,"ready-since":4,"host":"h"}"#,
        ] {
            assert_eq!(phase_to_text(&text_to_phase(text).unwrap()), text);
        }
    }
}
