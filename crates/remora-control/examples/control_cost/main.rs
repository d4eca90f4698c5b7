//! Measures the calls of the control plane against lower bounds, with few and with many stored sessions.
//!
//! ```text
//! make bench-control                                        SQLite
//! scripts/with-postgres.sh cargo run --release -p remora-control --example control_cost -- --postgres
//! ```
//!
//! Clients, control plane and lower bounds share the machine and the process. No host is launched, so the figures are
//! the times of calls alone. Prints a Markdown table.

mod clients;
mod floor;
mod plane;

use std::time::Duration;

use clients::{Measured, measure};
use plane::Plane;

const CLIENTS: usize = 16;
const STORED: [usize; 3] = [1_000, 100_000, 1_000_000];
const READS: usize = 20_000;
const CREATES: usize = 4_000;
const LISTS: usize = 1_500;

#[tokio::main]
async fn main() {
    let url = std::env::args()
        .any(|argument| argument == "--postgres")
        .then(|| std::env::var("REMORA_TEST_POSTGRES").expect("scripts/with-postgres.sh sets it"));
    let directory = tempfile::tempdir().expect("a directory for the database");
    let plane = Plane::start(directory.path(), url).await;

    println!("| what | stored | per second | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|");
    let alone = floor::inserts_per_second(&directory.path().join("floor.db"), 1, Duration::from_secs(3)).await;
    println!("| floor: durable inserts, one per commit | | {alone:.0} | | |");
    let batched = floor::inserts_per_second(&directory.path().join("floors.db"), CLIENTS, Duration::from_secs(3)).await;
    println!("| floor: durable inserts, {CLIENTS} per commit | | {batched:.0} | | |");

    let live = plane.fill_live().await;
    let body = plane.get_once(&live[0]).await;
    let bare = floor::bare_handler(body).await;
    print("floor: a bare handler, the same bytes", None, &measure(CLIENTS, READS, bare, |_| plane.get(&live[0])).await);
    for stored in STORED {
        let ended = plane.fill_to(stored).await;
        let stored = Some(stored);
        let get_live = measure(CLIENTS, READS, plane.address, |number| plane.get(&live[scatter(number, live.len())]));
        print("get, of a live session", stored, &get_live.await);
        let get_ended =
            measure(CLIENTS, READS / 4, plane.address, |number| plane.get(&plane::ended_id(scatter(number, ended))));
        print("get, of an ended session", stored, &get_ended.await);
        print("list, a page of 100", stored, &measure(CLIENTS, LISTS, plane.address, |_| plane.list()).await);
        print("create, durable", stored, &measure(CLIENTS, CREATES, plane.address, |_| plane.create()).await);
        plane.end_created().await;
    }
    print("floor: a bare handler, again", None, &measure(CLIENTS, READS, bare, |_| plane.get(&live[0])).await);
}

/// Spreads consecutive numbers over a range, in the same way in every run.
fn scatter(number: usize, range: usize) -> usize {
    (number.wrapping_mul(0x9E37_79B9) >> 7) % range
}

fn print(what: &str, stored: Option<usize>, measured: &Measured) {
    let stored = stored.map(|stored| stored.to_string()).unwrap_or_default();
    let Measured { per_second, p50_milliseconds, p99_milliseconds } = measured;
    println!("| {what} | {stored} | {per_second:.0} | {p50_milliseconds:.2} | {p99_milliseconds:.2} |");
}
