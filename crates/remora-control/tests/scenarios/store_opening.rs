//! The databases that the store accepts, and the messages about those that it refuses.

use std::error::Error as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use remora_control::{
    Insert, Inserted, Quota, Register, RegisterError, Store, StoreConfig, StoreError, new_account_id,
};
use remora_session::{AccountId, Event};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};

use crate::store::{account, at, session};
use crate::support::plane::policy;
use crate::support::postgres;

const NEWER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'of the future', TRUE, ''";

const APPLIED: &str = "SELECT version FROM _sqlx_migrations";

async fn sqlite(directory: &Path) -> Store {
    Store::open_sqlite(&directory.join("remora.db")).await.unwrap()
}

#[tokio::test]
async fn stored_sessions_outlive_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path()).await;
    let first = session(&account(&store).await, "s", "a1", 5);
    let insert = Insert { session: &first, wake_at: None, quota: Quota::default(), claims_host: false };
    assert_eq!(store.insert_session(insert).await.unwrap(), Inserted::Done);
    store.close().await;
    let reopened = sqlite(directory.path()).await;
    assert_eq!(reopened.session(&first.key).await.unwrap().unwrap().session, first);
}

/// Does what the first release did with a new database: its tables, an account, a Ready session and one that ended.
macro_rules! write_as_first_release {
    ($kind:literal, $connection:expr, $account:expr) => {{
        let directory = tempfile::tempdir().unwrap();
        let name = "0001_accounts_and_sessions.sql";
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join($kind);
        std::fs::copy(migrations.join(name), directory.path().join(name)).unwrap();
        let migrator = Migrator::new(directory.path()).await.unwrap();
        migrator.run_direct(None, $connection, false).await.unwrap();
        let statements = FIRST_RELEASE.replace("ACCOUNT", $account.as_str());
        $connection.execute(sqlx::AssertSqlSafe(statements)).await.unwrap();
    }};
}

const FIRST_RELEASE: &str = r#"
    INSERT INTO account (id, name, created_at) VALUES ('ACCOUNT', 'old', 1);
    INSERT INTO session (account, id, generation, size, lease_minutes, created_at, changed_at, models, phase, host,
        occupies, live, ready_at) VALUES ('ACCOUNT', 'ready', 2, 'Standard', 4, 1, 5, '[]', '{"phase":"ready",
        "host":"h","hostname":"localhost","handshake-port":50000,"inspector-port":50001,"since":5,"heard-at":5}', 'h',
        1, 1, 5);
    INSERT INTO usage (account, session, size, ready_at, ended_at) VALUES ('ACCOUNT', 'gone', 'Standard', 2, 3);
"#;

async fn assert_without_owners(store: &Store, account: &AccountId) {
    let listed = store.live_sessions(account, None, None, 9).await.unwrap();
    assert_eq!((listed.len(), &listed[0].session.owner), (1, &None));
    let used = store.usage(account, None, at(0)..at(100), None, 9).await.unwrap();
    let used: Vec<_> = used.iter().map(|used| (used.session.as_str(), &used.owner)).collect();
    assert_eq!(used, [("gone", &None), ("ready", &None)]);
    let ended = listed[0].session.apply(&Event::Stopped, at(9), &policy(at(1))).unwrap();
    assert!(store.replace_session(listed[0].generation, &ended, None).await.unwrap());
    assert_eq!(store.usage(account, None, at(0)..at(100), None, 9).await.unwrap()[1].owner, None);
}

#[tokio::test]
async fn sessions_of_before_owners_were_recorded_have_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("remora.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let account = new_account_id();
    write_as_first_release!("sqlite", &mut connection, account);
    connection.close().await.unwrap();
    assert_without_owners(&sqlite(directory.path()).await, &account).await;
}

#[tokio::test]
async fn sessions_on_a_server_of_before_owners_were_recorded_have_none() {
    let Some(url) = postgres::fresh_database().await else { return };
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let account = new_account_id();
    write_as_first_release!("postgres", &mut connection, account);
    connection.close().await.unwrap();
    assert_without_owners(&Store::open_postgres(&url).await.unwrap(), &account).await;
}

#[tokio::test]
async fn the_account_command_refuses_a_database_of_an_older_service_and_leaves_it_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("remora.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    write_as_first_release!("sqlite", &mut connection, new_account_id());
    let refused = Register::open(&StoreConfig::default(), directory.path()).await.err().expect("it is refused");
    assert!(
        matches!(&refused, RegisterError::Store(StoreError::Older { place }) if *place == path.display().to_string())
    );
    assert!(refused.to_string().contains("written by an older Remora"), "{refused}");
    assert_eq!(sqlx::query(APPLIED).fetch_all(&mut connection).await.unwrap().len(), 1, "it has been migrated");
    connection.close().await.unwrap();
    sqlite(directory.path()).await.close().await;
    let register = Register::open(&StoreConfig::default(), directory.path()).await.unwrap();
    assert_eq!(register.list().await.unwrap().len(), 1, "a service of this release has migrated it");
    register.close().await;
}

#[tokio::test]
async fn the_account_command_refuses_a_server_of_an_older_service_and_takes_an_empty_one() {
    let Some(url) = postgres::fresh_database().await else { return };
    let mut connection = PgConnection::connect(&url).await.unwrap();
    write_as_first_release!("postgres", &mut connection, new_account_id());
    let directory = tempfile::tempdir().unwrap();
    let refused = Register::open(&StoreConfig { url: Some(url) }, directory.path()).await.err().expect("it is refused");
    assert!(matches!(&refused, RegisterError::Store(StoreError::Older { .. })), "{refused}");
    assert_eq!(sqlx::query(APPLIED).fetch_all(&mut connection).await.unwrap().len(), 1, "it has been migrated");
    connection.close().await.unwrap();
    let config = StoreConfig { url: postgres::fresh_database().await };
    Register::open(&config, directory.path()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("remora.db");
    let content = "not a database, but precious to its owner. ".repeat(200);
    std::fs::write(&path, &content).unwrap();
    let refused = Store::open_sqlite(&path).await;
    let Err(StoreError::Corrupt { path: named, .. }) = refused else {
        panic!("{:?}", refused.err());
    };
    assert_eq!(named, path.display().to_string());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
}

#[tokio::test]
async fn a_damaged_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("remora.db");
    let store = sqlite(directory.path()).await;
    account(&store).await;
    store.close().await;
    let mut content = std::fs::read(&path).unwrap();
    // All pages but the first, which lists the tables, are overwritten.
    let page_bytes = 4_096;
    assert!(content.len() > 4 * page_bytes, "the database is written back when its last user leaves");
    content[page_bytes..].fill(0x5A);
    std::fs::write(&path, &content).unwrap();
    let refused = Store::open_sqlite(&path).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{:?}", refused.err());
    assert!(std::fs::read(&path).unwrap() == content, "it has been written to");
}

#[tokio::test]
async fn an_empty_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("remora.db");
    std::fs::write(&path, "").unwrap();
    let refused = Store::open_sqlite(&path).await.err().expect("it is refused");
    assert!(matches!(&refused, StoreError::Empty { path: named } if *named == path.display().to_string()), "{refused}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[tokio::test]
async fn files_of_an_interrupted_first_start_do_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    for name in [".remora.db.new", ".remora.db.new-wal", ".remora.db.new-shm"] {
        std::fs::write(directory.path().join(name), "half of it").unwrap();
    }
    let store = sqlite(directory.path()).await;
    account(&store).await;
    store.close().await;
    let names = names(directory.path());
    assert_eq!(names, ["remora.db"]);
}

#[tokio::test]
async fn only_its_owner_reads_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let modes = || {
        names(directory.path()).into_iter().map(|name| {
            let mode = std::fs::metadata(directory.path().join(&name)).unwrap().permissions().mode() & 0o777;
            (name, mode)
        })
    };
    let expected = ["remora.db", "remora.db-shm", "remora.db-wal"].map(|name| (name.to_owned(), 0o600));
    let store = sqlite(directory.path()).await;
    account(&store).await;
    assert!(modes().eq(expected.clone()), "{:?}", modes().collect::<Vec<_>>());
    // Earlier releases created the files with these permissions; a crash leaves all three.
    for (name, _) in modes() {
        std::fs::set_permissions(directory.path().join(name), Permissions::from_mode(0o644)).unwrap();
    }
    let again = sqlite(directory.path()).await;
    account(&again).await;
    assert!(modes().eq(expected), "{:?}", modes().collect::<Vec<_>>());
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("remora.db");
    sqlite(directory.path()).await.close().await;
    let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(format!("{NEWER}, 0)"))).await.unwrap();
    connection.close().await.unwrap();
    let refused = Store::open_sqlite(&path).await;
    assert!(matches!(refused, Err(StoreError::Newer { .. })), "{:?}", refused.err());
}

#[tokio::test]
async fn a_server_with_a_newer_database_is_refused() {
    let Some(url) = postgres::fresh_database().await else { return };
    Store::open_postgres(&url).await.unwrap().close().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(format!("{NEWER}, 0)"))).await.unwrap();
    connection.close().await.unwrap();
    let refused = Store::open_postgres(&url).await;
    assert!(matches!(refused, Err(StoreError::Newer { .. })), "{:?}", refused.err());
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_named_and_the_password_never() {
    let refusal = async |url: &str| {
        let error = Store::open_postgres(url).await.err().expect("it cannot be used");
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(!format!("{error} {error:?} {source}").contains("secret"), "{error:?}");
        error
    };
    for url in ["mysql://remora:secret@localhost/remora", "remora:secret", "postgres://remora:secret@localhost:port/r"]
    {
        assert!(matches!(refusal(url).await, StoreError::Url), "{url}");
    }
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = refusal(&format!("postgres://remora:secret@{unused}/remora")).await;
    assert!(matches!(&error, StoreError::Unreachable { place, .. } if *place == unused.to_string()), "{error:?}");

    let Some(url) = postgres::fresh_database().await else { return };
    let (_, server) = url.split_once('@').unwrap();
    let error = refusal(&format!("postgres://remora:secret@{server}")).await;
    assert!(matches!(&error, StoreError::SignInRefused { user, .. } if user == "remora"), "{error:?}");
    let error = refusal(&format!("{url}_not_there")).await;
    let (_, place) = url.split_once('@').unwrap();
    assert!(
        matches!(&error, StoreError::NoDatabase { place: named, .. } if *named == format!("{place}_not_there")),
        "{error:?}"
    );
}
