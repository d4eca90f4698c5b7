//! Errors of the store. A server is named without its password, so that no message contains one.

use std::sync::Arc;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Reason why the store cannot be opened, or does not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A newer release has migrated the database.
    #[error("the database {place} was written by a newer Remora; start that one, or choose another database")]
    Newer {
        /// File, or server and database.
        place: String,
    },
    /// An older release has written the database, and this command does not migrate it.
    #[error(
        "the database {place} was written by an older Remora, which may still be running on it; use the command of \
         that Remora, or start `remora up` or `remora serve` of this one first, which brings the database up to date"
    )]
    Older {
        /// File, or server and database.
        place: String,
    },
    /// The file is damaged or something else than a database.
    #[error(
        "the file {path} is not a usable database and has been left as it is; restore a backup, or move it away to \
         start afresh"
    )]
    Corrupt {
        /// Path of the file.
        path: String,
        /// Finding of the database.
        source: Source,
    },
    /// The file has no content, although databases are created whole.
    #[error(
        "the database {path} is empty, so what was in it is lost, and it has been left as it is; restore a backup, or \
         remove the file to start without accounts and sessions"
    )]
    Empty {
        /// Path of the file.
        path: String,
    },
    /// The URL cannot be read.
    #[error("store.url is not of the form postgres://user:password@machine:5432/database")]
    Url,
    /// The server does not accept connections.
    #[error("the database server {place} cannot be reached; see that it runs and that store.url names it")]
    Unreachable {
        /// The server.
        place: String,
        /// Error of the connection.
        source: Source,
    },
    /// The server refuses user or password.
    #[error("the database server {place} refuses the user {user}; correct user and password in store.url")]
    SignInRefused {
        /// The server.
        place: String,
        /// Name of the user.
        user: String,
        /// Answer of the server.
        source: Source,
    },
    /// The server does not have the database.
    #[error("the database server has no database {place}; create it, or correct store.url")]
    NoDatabase {
        /// Server and database.
        place: String,
        /// Answer of the server.
        source: Source,
    },
    /// The database cannot be opened for another reason.
    #[error("the database {place} cannot be opened: {source}")]
    Open {
        /// File, or server and database.
        place: String,
        /// Error of the database or the operating system.
        source: Source,
    },
    /// The migration to this release failed.
    #[error("the database {place} cannot be prepared: {source}")]
    Migration {
        /// File, or server and database.
        place: String,
        /// Error of the database.
        source: Source,
    },
    /// A statement failed.
    #[error("the database refuses: {0}")]
    Database(#[from] sqlx::Error),
    /// A commit failed, so the change may or may not be stored.
    #[error("the database has not confirmed a change: {0}")]
    Unconfirmed(Arc<sqlx::Error>),
    /// Other control planes were quicker too many times.
    #[error("a change was overtaken by other control planes again and again")]
    Contended,
    /// The store was closed before the change.
    #[error("the store has been closed")]
    Closed,
    /// A row contains something that no release writes.
    #[error("a row of the database cannot be read: {0}")]
    Unreadable(String),
}
