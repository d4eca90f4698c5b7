//! What every store must do. The same functions run on each implementation.

use std::path::Path;

use remora_control::account::{Account, KeyHash, new_account_id, new_key};
use remora_control::store::{Insert, Inserted, ListPosition, Quota, SqliteStore, Store, StoreError};
use remora_session::{AccountId, Ending, HostId, Launch, LeaseMinutes, Phase, Session, SessionKey, Size, Timestamp};

fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn session(account: &AccountId, id: &str, host: &str, created_at: u64) -> Session {
    let key = SessionKey { account: account.clone(), session: id.parse().unwrap() };
    let lease = LeaseMinutes::try_from(4).unwrap();
    Session::create(key, Size::Premium, lease, vec![], host.parse().unwrap(), at(created_at))
}

fn ended(session: &Session, host: Option<&str>) -> Session {
    let phase = Phase::Ended {
        how: Ending::Failed { why: "ä \"quoted\" reason".into() },
        at: at(9),
        ready_since: Some(at(5)),
        host: host.map(|host| host.parse().unwrap()),
    };
    Session { phase, changed_at: at(9), ..session.clone() }
}

async fn try_insert(store: &dyn Store, session: &Session, wake_at: Option<Timestamp>) -> Result<Inserted, StoreError> {
    let id = session.key.account.clone();
    store.insert_account(&Account { id, name: "test".into(), created_at: at(1), keys: vec![] }).await?;
    store.insert_session(Insert { session, wake_at, quota: Quota::default(), claims_host: false }).await
}

/// Whether it was new.
async fn insert(store: &dyn Store, session: &Session, wake_at: Option<Timestamp>) -> bool {
    try_insert(store, session, wake_at).await.unwrap() == Inserted::Done
}

async fn sqlite(directory: &Path) -> SqliteStore {
    SqliteStore::open(&directory.join("remora.db")).await.unwrap()
}

async fn a_key_is_taken_once(store: &dyn Store) {
    let account = new_account_id();
    let first = session(&account, "s", "a1", 5);
    assert!(insert(store, &first, Some(at(7))).await);
    assert!(!insert(store, &session(&account, "s", "a2", 6), None).await);
    let stored = store.session(&first.key).await.unwrap().unwrap();
    assert_eq!((stored.session, stored.generation, stored.wake_at), (first, 1, Some(at(7))));
    let other = session(&account, "S", "a3", 5);
    assert_eq!(store.session(&other.key).await.unwrap(), None);
    assert!(insert(store, &other, None).await);
}

async fn only_what_was_read_is_replaced(store: &dyn Store) {
    let first = session(&new_account_id(), "s", "b1", 5);
    insert(store, &first, Some(at(7))).await;
    let next = ended(&first, Some("b1"));
    assert!(store.replace_session(1, &next, None).await.unwrap());
    assert!(!store.replace_session(1, &first, Some(at(8))).await.unwrap(), "somebody else was quicker");
    let stored = store.session(&first.key).await.unwrap().unwrap();
    assert_eq!((stored.session, stored.generation, stored.wake_at), (next, 2, None));
}

async fn a_host_leads_to_its_session(store: &dyn Store) {
    let host: HostId = "c1".parse().unwrap();
    let first = session(&new_account_id(), "s", "c1", 5);
    insert(store, &first, None).await;
    assert_eq!(store.session_of_host(&host).await.unwrap().unwrap().session, first);
    assert!(try_insert(store, &session(&new_account_id(), "s", "c1", 5), None).await.is_err(), "two with one host");
    store.replace_session(1, &ended(&first, None), None).await.unwrap();
    assert_eq!(store.session_of_host(&host).await.unwrap(), None);
}

async fn live_sessions_are_listed_in_order_and_in_parts(store: &dyn Store) {
    let account = new_account_id();
    for (id, created_at) in [("z", 1), ("b", 2), ("a", 2), ("dead", 3), ("c", 4)] {
        let new = session(&account, id, &format!("d{id}"), created_at);
        insert(store, &new, None).await;
        if id == "dead" {
            store.replace_session(1, &ended(&new, None), None).await.unwrap();
        }
    }
    insert(store, &session(&new_account_id(), "x", "dx", 1), None).await;
    let ids = async |after: Option<(u64, &str)>, limit| {
        let after = after.map(|(time, id)| ListPosition { created_at: at(time), session: id.parse().unwrap() });
        let found = store.live_sessions(&account, after.as_ref(), limit).await.unwrap();
        found.iter().map(|stored| stored.session.key.session.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(None, 10).await, "z a b c");
    assert_eq!(ids(None, 2).await, "z a");
    assert_eq!(ids(Some((2, "a")), 2).await, "b c");
    assert_eq!(ids(Some((4, "c")), 2).await, "");
}

async fn due_sessions_come_in_the_order_of_their_time(store: &dyn Store) {
    let account = new_account_id();
    for (id, wake_at) in [("late", Some(30)), ("first", Some(10)), ("never", None), ("then", Some(20))] {
        let new = session(&account, id, &format!("e{id}"), 1);
        insert(store, &new, wake_at.map(at)).await;
    }
    let mine = |found: Vec<remora_control::store::Stored>| {
        let ids = found.into_iter().filter(|stored| stored.session.key.account == account);
        ids.map(|stored| stored.session.key.session.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(mine(store.due_sessions(at(20), None, 100).await.unwrap()), "first then");
    let all = store.due_sessions(at(30), None, 100).await.unwrap();
    let first = all.iter().find(|stored| stored.session.key.session.as_str() == "first");
    assert_eq!(mine(store.due_sessions(at(30), first, 100).await.unwrap()), "then late");
    assert!(store.next_wake().await.unwrap() <= Some(at(10)));
}

async fn accounts_keep_their_keys(store: &dyn Store) {
    let (first, second) = (new_key(), new_key());
    let keys = vec![KeyHash::of(&first), KeyHash::of(&second)];
    let account = Account { id: new_account_id(), name: "test".into(), created_at: at(5), keys };
    assert_eq!(store.account(&account.id).await.unwrap(), None);
    assert!(store.insert_account(&account).await.unwrap());
    let other = Account { keys: vec![KeyHash::of("x")], ..account.clone() };
    assert!(!store.insert_account(&other).await.unwrap());
    assert_eq!(store.account(&account.id).await.unwrap(), Some(account));
}

#[tokio::test]
async fn sqlite_is_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path()).await;
    a_key_is_taken_once(&store).await;
    only_what_was_read_is_replaced(&store).await;
    a_host_leads_to_its_session(&store).await;
    live_sessions_are_listed_in_order_and_in_parts(&store).await;
    due_sessions_come_in_the_order_of_their_time(&store).await;
    accounts_keep_their_keys(&store).await;
}

#[tokio::test]
async fn what_is_stored_outlives_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let first = session(&new_account_id(), "s", "a1", 5);
    let store = sqlite(directory.path()).await;
    insert(&store, &first, None).await;
    store.close().await.unwrap();
    let reopened = sqlite(directory.path()).await;
    let Phase::Starting { launch, .. } = reopened.session(&first.key).await.unwrap().unwrap().session.phase else {
        panic!("it was starting");
    };
    assert_eq!(launch, Launch::Wanted { from: at(5) });
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("remora.db");
    let content = "not a database, but dear to somebody. ".repeat(200);
    std::fs::write(&path, &content).unwrap();
    let refused = SqliteStore::open(&path).await;
    let Err(StoreError::Corrupt { path: named, .. }) = refused else {
        panic!("{:?}", refused.err());
    };
    assert_eq!(named, path.display().to_string());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("remora.db");
    sqlite(directory.path()).await.close().await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'of the future', TRUE, x'00', 0)";
    sqlx::query(newer).execute(&pool).await.unwrap();
    pool.close().await;
    let refused = SqliteStore::open(&path).await;
    assert!(matches!(refused, Err(StoreError::Newer { .. })), "{:?}", refused.err());
}
