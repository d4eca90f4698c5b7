//! Opens a database of either kind and migrates it to this release.
//!
//! | | SQLite | PostgreSQL |
//! |---|---|---|
//! | writers | one process | any number of control planes |
//! | durable commits | write-ahead log, `synchronous=FULL` | `synchronous_commit` is not off |
//! | locks of a transaction | the single write lock, at its beginning | rows, when they are accessed |

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Executor as _};

use super::error::StoreError;
use super::file;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// Reading connections. SQLite's are threads; PostgreSQL's are processes on another machine, which take longer to
/// answer.
const SQLITE_READERS_MAX: u32 = 4;
const POSTGRES_READERS_MAX: u32 = 16;
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Longest wait for a free connection; requests have given up by then.
const ACQUIRE_MAX: Duration = Duration::from_secs(30);
/// Size up to which a file is checked as a whole at each start. Checking a longer one would take seconds; its damage is
/// found when the damaged page is read.
const CHECKED_BYTES_MAX: u64 = 64 << 20;

/// The timeout is for other processes, such as a backup or an account command, that hold the lock for a moment.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                               PRAGMA foreign_keys = ON;";
/// A server that acknowledges a commit before it is on disk would break the promise of this store.
const POSTGRES_SETTINGS: &str =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Count the tables that record migrations: 0 or 1.
const SQLITE_MIGRATED: &str = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
const POSTGRES_MIGRATED: &str = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')";

/// The kind of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

/// How to treat a database that an older release has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OlderDatabase {
    Migrate,
    /// An older service may be running on it, which could not use it after a migration.
    Refuse,
}

/// An open database.
pub(super) struct Database {
    pub(super) kind: Kind,
    /// Pool of one connection.
    pub(super) writer: AnyPool,
    pub(super) readers: AnyPool,
}

impl Kind {
    fn settings(self) -> &'static str {
        match self {
            Kind::Sqlite => SQLITE_SETTINGS,
            Kind::Postgres => POSTGRES_SETTINGS,
        }
    }

    /// Returns the statement that begins a transaction of changes.
    pub(super) fn begin(self) -> &'static str {
        match self {
            // A transaction that began as a reader cannot become a writer once another connection has written.
            Kind::Sqlite => "BEGIN IMMEDIATE",
            Kind::Postgres => "BEGIN",
        }
    }

    fn pool(self, options: &AnyConnectOptions, connections_max: u32) -> AnyPool {
        AnyPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(ACQUIRE_MAX)
            .idle_timeout(None)
            .max_lifetime(None)
            // A connection to a file does not break; a server may have been restarted.
            .test_before_acquire(self == Kind::Postgres)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(self.settings()).await.map(|_| ()) })
            })
            .connect_lazy_with(options.clone())
    }
}

impl Database {
    /// Opens or creates the file.
    pub(super) async fn open_sqlite(path: &Path, older: OlderDatabase) -> Result<Self, StoreError> {
        install_default_drivers();
        if !file::exists(path)? {
            let new = file::Unfinished::begin(path)?;
            Self::prepare_sqlite(new.unfinished(), OlderDatabase::Migrate).await?;
            new.finish()?;
        }
        let options = Self::prepare_sqlite(path, older).await?;
        let kind = Kind::Sqlite;
        Ok(Self { kind, writer: kind.pool(&options, 1), readers: kind.pool(&options, SQLITE_READERS_MAX) })
    }

    /// Checks a database, or an empty file, and migrates it to this release. Returns the options for connecting to it.
    async fn prepare_sqlite(path: &Path, older: OlderDatabase) -> Result<AnyConnectOptions, StoreError> {
        let shown = path.display().to_string();
        let opening = |error: sqlx::Error| sqlite_error(&shown, error);
        let options = AnyConnectOptions::from_str(&sqlite_url(path)).map_err(opening)?.disable_statement_logging();
        let mut connection = options.connect().await.map_err(opening)?;
        let checked = std::fs::metadata(path).is_ok_and(|file| file.len() <= CHECKED_BYTES_MAX);
        if checked {
            // Comes before any write, the settings included: a damaged file is left as it is.
            let problem: String =
                sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut connection).await.map_err(opening)?;
            if problem != "ok" {
                return Err(StoreError::Corrupt { path: shown, source: problem.into() });
            }
        }
        if older == OlderDatabase::Refuse
            && is_older(&mut connection, SQLITE_MIGRATED, &SQLITE_MIGRATIONS).await.map_err(opening)?
        {
            return Err(StoreError::Older { place: shown });
        }
        connection.execute(SQLITE_SETTINGS).await.map_err(opening)?;
        SQLITE_MIGRATIONS.run_direct(None, &mut connection, false).await.map_err(|error| match error {
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => opening(source),
            other => migration_error(&shown, other),
        })?;
        connection.close().await.map_err(opening)?;
        Ok(options)
    }

    /// Connects to the server.
    pub(super) async fn open_postgres(url: &str, older: OlderDatabase) -> Result<Self, StoreError> {
        install_default_drivers();
        let known = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        let server = PgConnectOptions::from_str(url).ok().filter(|_| known).ok_or(StoreError::Url)?;
        let options = AnyConnectOptions::from_str(url).map_err(|_| StoreError::Url)?.disable_statement_logging();
        let place = ServerName::of(&server);
        let mut connection = match tokio::time::timeout(CONNECT_MAX, options.connect()).await {
            Ok(connected) => connected.map_err(|error| place.connecting(error))?,
            Err(elapsed) => return Err(StoreError::Unreachable { place: place.server, source: elapsed.into() }),
        };
        connection.execute(POSTGRES_SETTINGS).await.map_err(|error| place.connecting(error))?;
        if older == OlderDatabase::Refuse {
            let is_older = is_older(&mut connection, POSTGRES_MIGRATED, &POSTGRES_MIGRATIONS).await;
            if is_older.map_err(|error| place.connecting(error))? {
                return Err(StoreError::Older { place: place.database });
            }
        }
        // The migrations hold a lock of the database, because other control planes may start at the same time.
        let migrated = POSTGRES_MIGRATIONS.run_direct(None, &mut connection, false).await;
        migrated.map_err(|error| migration_error(&place.database, error))?;
        connection.close().await.map_err(|error| place.connecting(error))?;
        let kind = Kind::Postgres;
        Ok(Self { kind, writer: kind.pool(&options, 1), readers: kind.pool(&options, POSTGRES_READERS_MAX) })
    }
}

/// Returns whether another release has migrated the database, but not as far as this one would. An empty database is
/// not older.
async fn is_older(connection: &mut AnyConnection, migrated: &str, ours: &Migrator) -> Result<bool, sqlx::Error> {
    let is_migrated: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(migrated)).fetch_one(&mut *connection).await?;
    if is_migrated == 0 {
        return Ok(false);
    }
    let applied: Vec<i64> = sqlx::query_scalar("SELECT version FROM _sqlx_migrations").fetch_all(connection).await?;
    Ok(!applied.is_empty() && ours.iter().any(|migration| !applied.contains(&migration.version)))
}

fn migration_error(place: &str, error: MigrateError) -> StoreError {
    let place = place.to_owned();
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => StoreError::Newer { place },
        other => StoreError::Migration { place, source: other.into() },
    }
}

fn sqlite_error(path: &str, error: sqlx::Error) -> StoreError {
    const CORRUPT: &str = "11";
    const NOT_A_DATABASE: &str = "26";
    let code = error.as_database_error().and_then(DatabaseError::code);
    match code.as_deref() {
        Some(CORRUPT | NOT_A_DATABASE) => StoreError::Corrupt { path: path.to_owned(), source: error.into() },
        _ => StoreError::Open { place: path.to_owned(), source: error.into() },
    }
}

/// Returns the URL of a file, with all characters escaped that a URL cannot contain.
fn sqlite_url(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._".contains(byte);
    let mut url = "sqlite://".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match plain(byte) {
            true => url.push(char::from(*byte)),
            false => url += &format!("%{byte:02X}"),
        }
    }
    url + "?mode=rw"
}

/// Names of a server and its database for messages, without the password.
struct ServerName {
    server: String,
    database: String,
    user: String,
}

impl ServerName {
    fn of(options: &PgConnectOptions) -> Self {
        let server = match options.get_socket() {
            Some(directory) => directory.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let user = options.get_username().to_owned();
        let database = format!("{server}/{}", options.get_database().unwrap_or(&user));
        Self { server, database, user }
    }

    fn connecting(&self, error: sqlx::Error) -> StoreError {
        const SIGN_IN: [&str; 2] = ["28000", "28P01"];
        const NO_DATABASE: &str = "3D000";
        let code = error.as_database_error().and_then(DatabaseError::code).map(Cow::into_owned);
        let source = error.into();
        match code.as_deref() {
            Some(code) if SIGN_IN.contains(&code) => {
                StoreError::SignInRefused { place: self.server.clone(), user: self.user.clone(), source }
            }
            Some(NO_DATABASE) => StoreError::NoDatabase { place: self.database.clone(), source },
            Some(_) => StoreError::Open { place: self.database.clone(), source },
            None => StoreError::Unreachable { place: self.server.clone(), source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_any_spelling_are_one_file() {
        assert_eq!(sqlite_url(Path::new("/a b/ä?#%.db")), "sqlite:///a%20b/%C3%A4%3F%23%25.db?mode=rw");
    }

    #[tokio::test]
    async fn a_file_with_an_odd_name_is_opened() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a?b#c %41 ä.db");
        let database = Database::open_sqlite(&path, OlderDatabase::Migrate).await.unwrap();
        assert!(path.exists());
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&database.writer).await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&database.writer).await.unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"), "acknowledged is on disk");
    }

    #[tokio::test]
    async fn what_is_due_is_found_without_reading_what_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let database =
            Database::open_sqlite(&directory.path().join("remora.db"), OlderDatabase::Migrate).await.unwrap();
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", super::super::read::DUE_SESSIONS)))
                .bind(2_i64)
                .bind(1_i64)
                .bind("")
                .bind("")
                .bind(1_i64)
                .fetch_all(&database.readers)
                .await
                .unwrap();
        let plan = plan.into_iter().map(|(_, _, _, step)| step).collect::<Vec<_>>().join("; ");
        assert!(plan.contains("USING INDEX session_due (") && plan.contains("AND wake_at<?"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
