//! Why there is no store, or no answer from it. A password never appears in a text: a server is named without it.

use std::sync::Arc;

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database {place} was written by a newer Remora; start that one, or choose another database")]
    Newer { place: String },
    #[error(
        "the file {path} is not a usable database and has been left as it is; restore a backup, or move it away to \
         start afresh"
    )]
    Corrupt { path: String, source: Source },
    #[error(
        "the database {path} is empty, so what was in it is lost, and it has been left as it is; restore a backup, or \
         remove the file to start without accounts and sessions"
    )]
    Empty { path: String },
    #[error("store.url is not of the form postgres://user:password@machine:5432/database")]
    Url,
    #[error("the database server {place} cannot be reached; see that it runs and that store.url names it")]
    Unreachable { place: String, source: Source },
    #[error("the database server {place} refuses the user {user}; correct user and password in store.url")]
    SignInRefused { place: String, user: String, source: Source },
    #[error("the database server has no database {place}; create it, or correct store.url")]
    NoDatabase { place: String, source: Source },
    #[error("the database {place} cannot be opened: {source}")]
    Open { place: String, source: Source },
    #[error("the database {place} cannot be prepared: {source}")]
    Migration { place: String, source: Source },
    #[error("the database refuses: {0}")]
    Database(#[from] sqlx::Error),
    /// Whether it is stored is not known.
    #[error("the database has not confirmed a change: {0}")]
    Unconfirmed(Arc<sqlx::Error>),
    #[error("a change was overtaken by other control planes again and again")]
    Contended,
    #[error("the store has been closed")]
    Closed,
    #[error("a row of the database cannot be read: {0}")]
    Unreadable(String),
}
