//! Queries. Every list is read along an index, so the cost does not depend on the number of stored rows.

use std::ops::Range;

use remora_session::{AccountId, HostId, LeaseMinutes, PersonId, SessionId, SessionKey, Size, Timestamp};
use sqlx::AnyPool;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::error::StoreError;
use super::record::{
    from_timestamp, row_to_key, row_to_owner, row_to_stored, text_to_address, to_timestamp, unreadable,
};
use super::stored::{IdleHost, ListPosition, LiveCount, Stored, Usage};
use crate::account::Account;

/// A query over all columns of a session.
macro_rules! select_session {
    ($rest:expr) => {
        concat!(
            "SELECT account, id, generation, size, lease_minutes, models, owner, created_at, changed_at, phase, \
             wake_at FROM session ",
            $rest
        )
    };
}

/// A query over live sessions of account $1 that meet the condition.
macro_rules! select_live {
    ($condition:literal) => {
        select_session!(concat!(
            "WHERE live = 1 AND account = $1 AND (created_at, id) > ($2, $3) ",
            $condition,
            " ORDER BY created_at, id LIMIT $4"
        ))
    };
}

/// A query over the usage of sessions of account $1 that meet the condition.
macro_rules! select_usage {
    ($condition:literal) => {
        concat!(
            "SELECT session, size, owner, ready_at, ended_at FROM usage WHERE account = $1 AND ready_at >= $2 \
             AND ready_at < $3 AND ended_at > $4 AND (ready_at, session) > ($5, $6) ",
            $condition,
            " UNION ALL SELECT id, size, owner, ready_at, NULL FROM session WHERE live = 1 AND account = $1 \
             AND ready_at < $3 AND (ready_at, id) > ($5, $6) ",
            $condition,
            " ORDER BY ready_at, session LIMIT $7"
        )
    };
}

/// Parameters: the time up to which sessions are due; wake time, account and id of the last one read; the limit.
pub(super) const DUE_SESSIONS: &str = select_session!(
    "WHERE wake_at <= $1 AND (wake_at, account, id) > ($2, $3, $4) ORDER BY wake_at, account, id LIMIT $5"
);

pub(super) async fn session(pool: &AnyPool, key: &SessionKey) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query(select_session!("WHERE account = $1 AND id = $2"))
        .bind(key.account.as_str())
        .bind(key.session.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(row_to_stored).transpose()
}

pub(super) async fn session_of_host(pool: &AnyPool, host: &HostId) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query(select_session!("WHERE host = $1")).bind(host.as_str()).fetch_optional(pool).await?;
    row.as_ref().map(row_to_stored).transpose()
}

pub(super) async fn live_sessions(
    pool: &AnyPool,
    account: &AccountId,
    person: Option<&PersonId>,
    after: Option<&ListPosition>,
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    let (created_at, id) = match after {
        Some(position) => (from_timestamp(position.created_at), position.session.as_str()),
        None => (i64::MIN, ""),
    };
    let query = match person {
        None => sqlx::query(select_live!("")),
        Some(_) => sqlx::query(select_live!("AND person = $5")),
    };
    let query = query.bind(account.as_str()).bind(created_at).bind(id).bind(i64::from(limit));
    let query = match person {
        None => query,
        Some(person) => query.bind(person.to_string()),
    };
    let rows = query.fetch_all(pool).await?;
    rows.iter().map(row_to_stored).collect()
}

pub(super) async fn any_live_sessions(pool: &AnyPool, limit: u32) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query(select_session!("WHERE live = 1 LIMIT $1")).bind(i64::from(limit)).fetch_all(pool).await?;
    rows.iter().map(row_to_stored).collect()
}

pub(super) async fn orphaned_sessions(pool: &AnyPool, limit: u32) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query(select_session!(
        "WHERE live = 1 AND NOT EXISTS (SELECT 1 FROM account WHERE account.id = session.account) LIMIT $1"
    ))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(row_to_stored).collect()
}

pub(super) async fn due_sessions(
    pool: &AnyPool,
    until: Timestamp,
    after: Option<&Stored>,
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    let (wake_at, account, id) = match after {
        Some(stored) => {
            let key = &stored.session.key;
            (stored.wake_at.map_or(i64::MIN, from_timestamp), key.account.as_str(), key.session.as_str())
        }
        None => (i64::MIN, "", ""),
    };
    let rows = sqlx::query(DUE_SESSIONS)
        .bind(from_timestamp(until))
        .bind(wake_at)
        .bind(account)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(row_to_stored).collect()
}

pub(super) async fn next_wake(pool: &AnyPool) -> Result<Option<Timestamp>, StoreError> {
    let wake_at: Option<i64> =
        sqlx::query_scalar("SELECT min(wake_at) FROM session WHERE wake_at IS NOT NULL").fetch_one(pool).await?;
    Ok(wake_at.map(to_timestamp))
}

pub(super) async fn account(pool: &AnyPool, id: &AccountId) -> Result<Option<Account>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, name, created_at, slot, salt, digest FROM account LEFT JOIN account_key ON account = id \
         WHERE id = $1 ORDER BY slot",
    )
    .bind(id.as_str())
    .fetch_all(pool)
    .await?;
    Ok(rows_to_accounts(&rows)?.pop())
}

pub(super) async fn accounts(
    pool: &AnyPool,
    after: Option<(Timestamp, &AccountId)>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let (created_at, id) = match after {
        Some((created_at, id)) => (from_timestamp(created_at), id.as_str()),
        None => (i64::MIN, ""),
    };
    let rows = sqlx::query(
        "SELECT id, name, created_at, slot, salt, digest FROM (SELECT id, name, created_at FROM account \
         WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3) AS page \
         LEFT JOIN account_key ON account = id ORDER BY created_at, id, slot",
    )
    .bind(created_at)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows_to_accounts(&rows)
}

/// Groups rows by account. There is one row for each key, ordered by account; an account without keys has one row.
fn rows_to_accounts(rows: &[AnyRow]) -> Result<Vec<Account>, StoreError> {
    let mut accounts: Vec<Account> = Vec::new();
    for row in rows {
        let id: AccountId = row.try_get::<String, _>("id")?.parse().map_err(unreadable)?;
        if accounts.last().is_none_or(|last| last.id != id) {
            let created_at = to_timestamp(row.try_get("created_at")?);
            accounts.push(Account { id, name: row.try_get("name")?, created_at, keys: Vec::new() });
        }
        if row.try_get::<Option<i64>, _>("slot")?.is_some() {
            accounts.last_mut().expect("one was just pushed, or is the last").keys.push(row_to_key(row)?);
        }
    }
    Ok(accounts)
}

pub(super) async fn idle_hosts(pool: &AnyPool) -> Result<Vec<IdleHost>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, size, specification, created_at, heard_at, address FROM idle_host ORDER BY created_at, id",
    )
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            let address = row.try_get::<Option<String>, _>("address")?;
            Ok(IdleHost {
                id: row.try_get::<String, _>("id")?.parse().map_err(unreadable)?,
                size: row.try_get::<String, _>("size")?.parse().map_err(unreadable)?,
                specification: row.try_get("specification")?,
                created_at: to_timestamp(row.try_get("created_at")?),
                heard_at: to_timestamp(row.try_get("heard_at")?),
                address: address.map(|text| text_to_address(&text)).transpose()?,
            })
        })
        .collect()
}

pub(super) async fn hosts_of(pool: &AnyPool, size: Size) -> Result<u64, StoreError> {
    let hosts: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM session WHERE occupies = 1 AND size = $1) \
         + (SELECT count(*) FROM idle_host WHERE size = $1)",
    )
    .bind(size.as_str())
    .fetch_one(pool)
    .await?;
    u64::try_from(hosts).map_err(unreadable)
}

pub(super) async fn usage(
    pool: &AnyPool,
    account: &AccountId,
    person: Option<&PersonId>,
    interval: Range<Timestamp>,
    after: Option<(Timestamp, &SessionId)>,
    limit: u32,
) -> Result<Vec<Usage>, StoreError> {
    let (ready_at, session) = match after {
        Some((ready_at, session)) => (from_timestamp(ready_at), session.as_str()),
        None => (i64::MIN, ""),
    };
    // No session is Ready for longer than the longest lease, so usage that began earlier is outside of the interval.
    let longest = i64::try_from(LeaseMinutes::MAX.duration().as_millis()).expect("a day is few milliseconds");
    let start = from_timestamp(interval.start);
    let query = match person {
        None => sqlx::query(select_usage!("")),
        Some(_) => sqlx::query(select_usage!("AND person = $8")),
    };
    let query = query
        .bind(account.as_str())
        .bind(start.saturating_sub(longest))
        .bind(from_timestamp(interval.end))
        .bind(start)
        .bind(ready_at)
        .bind(session)
        .bind(i64::from(limit));
    let query = match person {
        None => query,
        Some(person) => query.bind(person.to_string()),
    };
    let rows = query.fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            Ok(Usage {
                session: row.try_get::<String, _>("session")?.parse().map_err(unreadable)?,
                size: row.try_get::<String, _>("size")?.parse().map_err(unreadable)?,
                owner: row_to_owner(row)?,
                ready_at: to_timestamp(row.try_get("ready_at")?),
                ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(to_timestamp),
            })
        })
        .collect()
}

pub(super) async fn live_counts(pool: &AnyPool) -> Result<Vec<LiveCount>, StoreError> {
    let rows = sqlx::query(
        "SELECT size, CASE WHEN ready_at IS NULL THEN 0 ELSE 1 END AS ready, count(*) AS sessions FROM session \
         WHERE live = 1 GROUP BY 1, 2",
    )
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(LiveCount {
                size: row.try_get::<String, _>("size")?.parse().map_err(unreadable)?,
                ready: row.try_get::<i64, _>("ready")? == 1,
                sessions: u64::try_from(row.try_get::<i64, _>("sessions")?).map_err(unreadable)?,
            })
        })
        .collect()
}
