//! Lower bounds for the cost of a call on this machine: a constant answer, and the insertion of a row without meaning.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::any;
use remora_control::serve_connections;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves a constant answer behind the listener of the control plane.
pub(crate) async fn bare_handler(body: Vec<u8>) -> SocketAddr {
    let body = axum::body::Bytes::from(body);
    let handler = any(move || async move { ([("content-type", "application/json; charset=utf-8")], body) });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (closing, closed) = watch::channel(false);
    tokio::spawn(async move {
        serve_connections(listener, None, Router::new().fallback(handler), closed).await;
        drop(closing);
    });
    address
}

/// Inserts rows of a session's length into a table with a session's keys. Each commit is on disk before the next
/// begins.
pub(crate) async fn inserts_per_second(path: &Path, per_commit: usize, duration: Duration) -> f64 {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.disable_statement_logging().connect().await.expect("a new file");
    let table = "CREATE TABLE row (account TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL, \
                 PRIMARY KEY (account, id)) STRICT";
    connection.execute(table).await.expect("a new file has no table");
    let content = "x".repeat(300);
    let begun = Instant::now();
    let mut rows = 0_u32;
    while begun.elapsed() < duration {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.expect("there is no other writer");
        for _ in 0..per_commit {
            rows += 1;
            sqlx::query("INSERT INTO row (account, id, content) VALUES ('11111111-2222-3333-4444-555555555555', ?, ?)")
                .bind(format!("session-{rows}"))
                .bind(&content)
                .execute(&mut *transaction)
                .await
                .expect("every id is new");
        }
        transaction.commit().await.expect("the disk has room");
    }
    f64::from(rows) / begun.elapsed().as_secs_f64()
}
