//! Databases on the PostgreSQL server that `scripts/with-postgres.sh` starts for the tests.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{Connection as _, Executor as _, PgConnection};

/// Returns the URL of a new, empty database. Prints a message and returns `None` if there is no server.
pub(crate) async fn fresh_database() -> Option<String> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let Ok(server) = std::env::var("REMORA_TEST_POSTGRES") else {
        println!("skipped: no PostgreSQL; scripts/with-postgres.sh starts one for a test run");
        return None;
    };
    let name = format!("remora_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&server).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    connection.close().await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    Some(format!("{base}/{name}"))
}

/// Returns a new database if the scenarios run on PostgreSQL, that is with `REMORA_TEST_STORE=postgres`.
pub(crate) async fn database_of_scenarios() -> Option<String> {
    match std::env::var("REMORA_TEST_STORE").as_deref() {
        Ok("postgres") => Some(fresh_database().await.expect("REMORA_TEST_STORE=postgres needs REMORA_TEST_POSTGRES")),
        Ok(other) => panic!("REMORA_TEST_STORE is postgres or not set, not {other}"),
        Err(_) => None,
    }
}
