//! Single changes, each inside a transaction that the writer begins and commits.
//!
//! A change locks and checks the rows that it depends on before it writes. One that is refused has therefore changed
//! nothing, and several changes can share a transaction without savepoints.

use remora_session::{AccountId, HostId, Phase, Session, SessionKey, Timestamp};
use sqlx::error::DatabaseError;
use sqlx::{AnyConnection, Row as _};

use super::database::Kind;
use super::error::StoreError;
use super::record::{
    address_to_text, from_timestamp, models_to_text, owner_to_text, person_of, phase_to_text, ready_at, unreadable,
};
use super::stored::{Generation, IdleHost, Quota, Share};
use crate::account::{Account, KeyHash};

/// A change that waits for the writer. Each is done as a whole or not at all; see [`Outcome`].
#[derive(Debug)]
pub(super) enum Write {
    InsertSession { session: Session, wake_at: Option<Timestamp>, quota: Quota, claims_host: bool },
    ReplaceSession { generation: Generation, session: Session, wake_at: Option<Timestamp> },
    ForgetSession { key: SessionKey, generation: Generation },
    InsertAccount(Account),
    SetAccountKey { account: AccountId, slot: usize, key: KeyHash },
    DeleteAccount(AccountId),
    InsertIdleHost(IdleHost),
    ReplaceIdleHost(IdleHost),
    RemoveIdleHost(HostId),
}

/// Result of a change. Nothing has changed unless it is `Done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// The row that the change names is gone, exists already, or has another generation.
    Outdated,
    KeyTaken,
    NoAccount,
    OverQuota {
        max: u32,
        share: Share,
    },
}

impl Outcome {
    fn done_if(done: bool) -> Self {
        if done { Outcome::Done } else { Outcome::Outdated }
    }
}

/// The reason why a transaction of changes fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// Another control plane was quicker, which shows too late for a refusal. The transaction has to be repeated.
    #[error("another control plane was quicker")]
    Raced,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        const SERIALIZATION_FAILURE: &str = "40001";
        const DEADLOCK: &str = "40P01";
        let code = error.as_database_error().and_then(DatabaseError::code);
        match code.as_deref() {
            Some(SERIALIZATION_FAILURE | DEADLOCK) => WriteError::Raced,
            _ => WriteError::Store(error.into()),
        }
    }
}

impl Write {
    /// Returns the sort key by which all control planes order their changes, so that they lock rows in the same order
    /// and do not deadlock. Inserts that claim an idle host lock it out of order; the database ends one of two
    /// transactions that wait for each other.
    pub(super) fn lock_order(&self) -> (u8, &str, &str) {
        match self {
            Write::InsertAccount(account) => (0, account.id.as_str(), ""),
            Write::SetAccountKey { account, .. } | Write::DeleteAccount(account) => (0, account.as_str(), ""),
            Write::InsertSession { session, .. } => (1, session.key.account.as_str(), session.key.session.as_str()),
            Write::ReplaceSession { session, .. } => (2, session.key.account.as_str(), session.key.session.as_str()),
            Write::ForgetSession { key, .. } => (2, key.account.as_str(), key.session.as_str()),
            Write::InsertIdleHost(host) | Write::ReplaceIdleHost(host) => (3, host.id.as_str(), ""),
            Write::RemoveIdleHost(host) => (3, host.as_str(), ""),
        }
    }

    /// Carries the change out.
    pub(super) async fn run(&self, kind: Kind, connection: &mut AnyConnection) -> Result<Outcome, WriteError> {
        let changed = match self {
            Write::InsertSession { session, wake_at, quota, claims_host } => {
                let insert = InsertSession { kind, session, wake_at: *wake_at, quota: *quota };
                let outcome = if *claims_host || *quota != Quota::default() {
                    insert.looking_first(*claims_host, connection).await?
                } else {
                    insert.at_once(connection).await?
                };
                return Ok(outcome);
            }
            Write::ReplaceSession { generation, session, wake_at } => {
                replace_session(*generation, session, *wake_at, connection).await?
            }
            Write::ForgetSession { key, generation } => {
                let forget = sqlx::query("DELETE FROM session WHERE account = $1 AND id = $2 AND generation = $3")
                    .bind(key.account.as_str())
                    .bind(key.session.as_str())
                    .bind(generation.to_column());
                forget.execute(connection).await?.rows_affected() == 1
            }
            Write::InsertAccount(account) => insert_account(account, connection).await?,
            Write::SetAccountKey { account, slot, key } => {
                let set = sqlx::query(
                    "INSERT INTO account_key (account, slot, salt, digest) SELECT id, $1, $2, $3 FROM account \
                     WHERE id = $4 ON CONFLICT (account, slot) DO UPDATE SET salt = excluded.salt, \
                     digest = excluded.digest",
                )
                .bind(i64::try_from(*slot).map_err(unreadable)?)
                .bind(&key.salt[..])
                .bind(&key.digest[..])
                .bind(account.as_str());
                set.execute(connection).await?.rows_affected() == 1
            }
            Write::DeleteAccount(account) => {
                let delete = sqlx::query("DELETE FROM account WHERE id = $1").bind(account.as_str());
                delete.execute(connection).await?.rows_affected() == 1
            }
            Write::InsertIdleHost(host) => {
                let insert = sqlx::query(
                    "INSERT INTO idle_host (id, size, specification, created_at, heard_at, address) \
                     VALUES ($1, $2, $3, $4, $5, $6)",
                )
                .bind(host.id.as_str())
                .bind(host.size.as_str())
                .bind(&host.specification)
                .bind(from_timestamp(host.created_at))
                .bind(from_timestamp(host.heard_at))
                .bind(host.address.as_ref().map(address_to_text));
                insert.execute(connection).await?.rows_affected() == 1
            }
            Write::ReplaceIdleHost(host) => {
                let replace = sqlx::query("UPDATE idle_host SET heard_at = $1, address = $2 WHERE id = $3")
                    .bind(from_timestamp(host.heard_at))
                    .bind(host.address.as_ref().map(address_to_text))
                    .bind(host.id.as_str());
                replace.execute(connection).await?.rows_affected() == 1
            }
            Write::RemoveIdleHost(host) => remove_idle_host(host, connection).await?,
        };
        Ok(Outcome::done_if(changed))
    }
}

/// A column that counts the live sessions of account $1 that meet the condition, up to the parameter `$max`.
macro_rules! count_live {
    ($condition:literal, $max:literal) => {
        concat!(
            "(SELECT count(*) FROM (SELECT 1 FROM session WHERE live = 1 AND account = $1 ",
            $condition,
            " LIMIT ",
            $max,
            ") AS counted)"
        )
    };
}

/// Reads everything that an insert depends on in one row. There is no row if the account does not exist.
const LOOK: &str = concat!(
    "SELECT (SELECT count(*) FROM session WHERE account = $1 AND id = $2) AS same, ",
    count_live!("", "$3"),
    " AS live, ",
    count_live!("AND size = $4", "$5"),
    " AS live_of_size, ",
    count_live!("AND person = $6", "$7"),
    " AS live_of_person FROM account WHERE id = $1"
);

struct InsertSession<'a> {
    kind: Kind,
    session: &'a Session,
    wake_at: Option<Timestamp>,
    quota: Quota,
}

impl InsertSession<'_> {
    /// Inserts with one statement. Enough where nothing has to be counted or claimed.
    async fn at_once(&self, connection: &mut AnyConnection) -> Result<Outcome, WriteError> {
        if self.insert(connection).await? {
            return Ok(Outcome::Done);
        }
        let account = sqlx::query("SELECT 1 FROM account WHERE id = $1").bind(self.session.key.account.as_str());
        let known = account.fetch_optional(connection).await?.is_some();
        Ok(if known { Outcome::KeyTaken } else { Outcome::NoAccount })
    }

    async fn looking_first(&self, claims_host: bool, connection: &mut AnyConnection) -> Result<Outcome, WriteError> {
        let key = &self.session.key;
        if self.kind == Kind::Postgres {
            // Without the lock, two control planes that count at the same time would both find room; SQLite has one
            // writer anyway. The lock is a separate statement because a statement does not see rows that are committed
            // while it waits for its lock.
            let lock = sqlx::query("SELECT 1 FROM account WHERE id = $1 FOR UPDATE").bind(key.account.as_str());
            lock.execute(&mut *connection).await?;
        }
        let Quota { live_max, live_of_size_max, live_of_person_max } = self.quota;
        let person = person_of(self.session);
        // A quota without a maximum counts up to 0, which costs nothing.
        let counted_max = |max: Option<u32>| i64::from(max.unwrap_or(0));
        let look = sqlx::query(LOOK)
            .bind(key.account.as_str())
            .bind(key.session.as_str())
            .bind(counted_max(live_max))
            .bind(self.session.size.as_str())
            .bind(counted_max(live_of_size_max))
            .bind(person.as_deref())
            .bind(counted_max(live_of_person_max));
        let Some(found) = look.fetch_optional(&mut *connection).await? else { return Ok(Outcome::NoAccount) };
        if found.try_get::<i64, _>("same")? > 0 {
            return Ok(Outcome::KeyTaken);
        }
        for (max, column, share) in [
            (live_max, "live", Share::Account),
            (live_of_size_max, "live_of_size", Share::Size(self.session.size)),
            // An owner that is not a person has no share.
            (live_of_person_max.filter(|_| person.is_some()), "live_of_person", Share::Person),
        ] {
            let Some(max) = max else { continue };
            if found.try_get::<i64, _>(column)? >= i64::from(max) {
                return Ok(Outcome::OverQuota { max, share });
            }
        }
        if claims_host {
            let host = self.session.phase.host().expect("a session that claims a host names it");
            if !remove_idle_host(host, connection).await? {
                return Ok(Outcome::Outdated);
            }
        }
        // A control plane that inserts without a quota does not lock the account, so the key may be taken by now.
        if self.insert(connection).await? { Ok(Outcome::Done) } else { Err(WriteError::Raced) }
    }

    /// Returns false if the account does not exist or the key is taken.
    async fn insert(&self, connection: &mut AnyConnection) -> Result<bool, WriteError> {
        let session = self.session;
        let done = sqlx::query(
            "INSERT INTO session (account, id, generation, size, lease_minutes, models, created_at, changed_at, \
             phase, host, occupies, live, ready_at, wake_at, owner, person) \
             SELECT account.id, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 \
             FROM account WHERE account.id = $1 ON CONFLICT (account, id) DO NOTHING",
        )
        .bind(session.key.account.as_str())
        .bind(session.key.session.as_str())
        .bind(session.size.as_str())
        .bind(i64::from(session.lease.get()))
        .bind(models_to_text(&session.models))
        .bind(from_timestamp(session.created_at))
        .bind(from_timestamp(session.changed_at))
        .bind(phase_to_text(&session.phase))
        .bind(session.phase.host().map(HostId::as_str))
        .bind(i64::from(session.phase.occupies()))
        .bind(i64::from(session.is_live()))
        .bind(ready_at(session).map(from_timestamp))
        .bind(self.wake_at.map(from_timestamp))
        .bind(session.owner.as_ref().map(owner_to_text))
        .bind(person_of(session))
        .execute(connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

async fn replace_session(
    generation: Generation,
    session: &Session,
    wake_at: Option<Timestamp>,
    connection: &mut AnyConnection,
) -> Result<bool, WriteError> {
    let done = sqlx::query(
        "UPDATE session SET generation = generation + 1, lease_minutes = $1, changed_at = $2, phase = $3, host = $4, \
         occupies = $5, live = $6, ready_at = $7, wake_at = $8 WHERE account = $9 AND id = $10 AND generation = $11",
    )
    .bind(i64::from(session.lease.get()))
    .bind(from_timestamp(session.changed_at))
    .bind(phase_to_text(&session.phase))
    .bind(session.phase.host().map(HostId::as_str))
    .bind(i64::from(session.phase.occupies()))
    .bind(i64::from(session.is_live()))
    .bind(ready_at(session).map(from_timestamp))
    .bind(wake_at.map(from_timestamp))
    .bind(session.key.account.as_str())
    .bind(session.key.session.as_str())
    .bind(generation.to_column())
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    if let Phase::Ended { at, ready_since: Some(ready_at), .. } = &session.phase {
        sqlx::query(
            "INSERT INTO usage (account, session, size, ready_at, ended_at, owner, person) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(session.key.account.as_str())
        .bind(session.key.session.as_str())
        .bind(session.size.as_str())
        .bind(from_timestamp(*ready_at))
        .bind(from_timestamp(*at))
        .bind(session.owner.as_ref().map(owner_to_text))
        .bind(person_of(session))
        .execute(connection)
        .await?;
    }
    Ok(true)
}

async fn insert_account(account: &Account, connection: &mut AnyConnection) -> Result<bool, WriteError> {
    let done =
        sqlx::query("INSERT INTO account (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
            .bind(account.id.as_str())
            .bind(&account.name)
            .bind(from_timestamp(account.created_at))
            .execute(&mut *connection)
            .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    for (slot, key) in (0_i64..).zip(&account.keys) {
        sqlx::query("INSERT INTO account_key (account, slot, salt, digest) VALUES ($1, $2, $3, $4)")
            .bind(account.id.as_str())
            .bind(slot)
            .bind(&key.salt[..])
            .bind(&key.digest[..])
            .execute(&mut *connection)
            .await?;
    }
    Ok(true)
}

async fn remove_idle_host(host: &HostId, connection: &mut AnyConnection) -> Result<bool, WriteError> {
    let remove = sqlx::query("DELETE FROM idle_host WHERE id = $1").bind(host.as_str());
    Ok(remove.execute(connection).await?.rows_affected() == 1)
}
