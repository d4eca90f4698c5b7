//! A database of either kind, opened: brought up to this release, and ready to read and write.
//!
//! | | SQLite | PostgreSQL |
//! |---|---|---|
//! | who writes | one process | any number of control planes |
//! | on disk when committed | write-ahead log, `synchronous=FULL` | `synchronous_commit` is not off |
//! | begin of a change | takes the one write lock at once | rows are locked as they are touched |

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AnyPool, ConnectOptions as _, Connection as _, Executor as _};

use super::error::StoreError;
use super::file;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// SQLite's readers are threads; PostgreSQL's are processes on another machine, which take longer to answer.
const SQLITE_READERS_MAX: u32 = 4;
const POSTGRES_READERS_MAX: u32 = 16;
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// For a connection to become free; requests have given up by then.
const ACQUIRE_MAX: Duration = Duration::from_secs(30);
/// Longer files are not read as a whole at each start, which would take seconds; damage in them is found, and refused,
/// when the damaged page is read.
const CHECKED_BYTES_MAX: u64 = 64 << 20;

/// Another process (a backup, an account command) may hold the lock for a moment.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                               PRAGMA foreign_keys = ON;";
/// A server that acknowledges before it has written would make this store say what is not so.
const POSTGRES_SETTINGS: &str =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

pub(super) struct Database {
    pub kind: Kind,
    /// One connection.
    pub writer: AnyPool,
    pub readers: AnyPool,
}

impl Kind {
    fn settings(self) -> &'static str {
        match self {
            Kind::Sqlite => SQLITE_SETTINGS,
            Kind::Postgres => POSTGRES_SETTINGS,
        }
    }

    pub fn begin(self) -> &'static str {
        match self {
            // A transaction that began as a reader could not become a writer if somebody else has written meanwhile.
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
            // A file does not go away; a server may have been restarted since.
            .test_before_acquire(self == Kind::Postgres)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(self.settings()).await.map(|_| ()) })
            })
            .connect_lazy_with(options.clone())
    }
}

impl Database {
    /// Opens the file, or makes it.
    pub async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        install_default_drivers();
        if !file::exists(path)? {
            let new = file::Unfinished::begin(path)?;
            Self::prepare_sqlite(new.unfinished()).await?;
            new.finish()?;
        }
        let options = Self::prepare_sqlite(path).await?;
        let kind = Kind::Sqlite;
        Ok(Self { kind, writer: kind.pool(&options, 1), readers: kind.pool(&options, SQLITE_READERS_MAX) })
    }

    /// Brings a database, or an empty file, up to this release. Returns how to connect to it.
    async fn prepare_sqlite(path: &Path) -> Result<AnyConnectOptions, StoreError> {
        let shown = path.display().to_string();
        let opening = |error: sqlx::Error| sqlite_error(&shown, error);
        let options = AnyConnectOptions::from_str(&sqlite_url(path)).map_err(opening)?.disable_statement_logging();
        let mut connection = options.connect().await.map_err(opening)?;
        let checked = std::fs::metadata(path).is_ok_and(|file| file.len() <= CHECKED_BYTES_MAX);
        if checked {
            // Before anything is written, the settings included: a damaged file is left as it is.
            let problem: String =
                sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut connection).await.map_err(opening)?;
            if problem != "ok" {
                return Err(StoreError::Corrupt { path: shown, source: problem.into() });
            }
        }
        connection.execute(SQLITE_SETTINGS).await.map_err(opening)?;
        SQLITE_MIGRATIONS.run_direct(None, &mut connection, false).await.map_err(|error| match error {
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => opening(source),
            other => migration_error(&shown, other),
        })?;
        connection.close().await.map_err(opening)?;
        Ok(options)
    }

    pub async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        install_default_drivers();
        let known = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        let server = PgConnectOptions::from_str(url).ok().filter(|_| known).ok_or(StoreError::Url)?;
        let options = AnyConnectOptions::from_str(url).map_err(|_| StoreError::Url)?.disable_statement_logging();
        let place = Place::of(&server);
        let mut connection = match tokio::time::timeout(CONNECT_MAX, options.connect()).await {
            Ok(connected) => connected.map_err(|error| place.connecting(error))?,
            Err(elapsed) => return Err(StoreError::Unreachable { place: place.server, source: elapsed.into() }),
        };
        connection.execute(POSTGRES_SETTINGS).await.map_err(|error| place.connecting(error))?;
        // Others may be starting beside this one: the migrations hold a lock of the database.
        let migrated = POSTGRES_MIGRATIONS.run_direct(None, &mut connection, false).await;
        migrated.map_err(|error| migration_error(&place.database, error))?;
        connection.close().await.map_err(|error| place.connecting(error))?;
        let kind = Kind::Postgres;
        Ok(Self { kind, writer: kind.pool(&options, 1), readers: kind.pool(&options, POSTGRES_READERS_MAX) })
    }
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
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some(CORRUPT | NOT_A_DATABASE) => StoreError::Corrupt { path: path.to_owned(), source: error.into() },
        _ => StoreError::Open { place: path.to_owned(), source: error.into() },
    }
}

/// A path may contain anything; a URL may not.
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

/// A server's database as it may be shown: without the password.
struct Place {
    server: String,
    database: String,
    user: String,
}

impl Place {
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
        let code = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
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
        let database = Database::open_sqlite(&path).await.unwrap();
        assert!(path.exists());
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&database.writer).await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&database.writer).await.unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"), "acknowledged is on disk");
    }

    #[tokio::test]
    async fn what_is_due_is_found_without_reading_what_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open_sqlite(&directory.path().join("remora.db")).await.unwrap();
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
