//! Control planes are killed with SIGKILL while clients create, extend and stop. Every acknowledged change is found
//! afterwards, and hosts continue.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use remora_control::{Config, Store};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::http::{self, Answer};
use crate::support::installation::{host_pids, is_alive, kill};
use crate::support::operator::make_account;
use crate::support::server_process::ServerProcess;
use crate::support::{look_again, postgres, within};

const CLIENTS: usize = 8;
/// Total number of creates, extensions and stops.
const CHANGES: usize = 1_000;
const HOSTS: usize = 3;
/// Number of acknowledged changes between two kills.
const UNTIL_KILL: std::ops::Range<usize> = 20..80;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_changes_survive_a_control_plane_that_is_killed() {
    let installation = Installation::start(None, 1).await;
    installation.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_changes_survive_two_control_planes_that_are_killed() {
    let Some(url) = postgres::fresh_database().await else { return };
    let installation = Installation::start(Some(url), 2).await;
    installation.survives().await;
}

struct Installation {
    directory: TempDir,
    servers: Vec<ServerProcess>,
    caller: Caller,
}

/// The knowledge of a client.
#[derive(Clone)]
struct Caller {
    addresses: Arc<[std::net::SocketAddr]>,
    ca_pem: Arc<str>,
    account: Arc<str>,
    authorization: Arc<str>,
}

/// The state that a session must have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Acknowledged {
    lease_minutes: u64,
    stopped: bool,
}

/// Number of acknowledged changes.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicUsize,
    changed: Notify,
}

impl Installation {
    async fn start(url: Option<String>, servers: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // There is room for the hosts of Premium sessions; those of Standard size are there to be stored.
        let store = url.map(|url| format!("[store]\nurl = '{url}'\n")).unwrap_or_default();
        let limits =
            "reads = { per_second = 100000, burst = 100000 }\nwrites = { per_second = 100000, burst = 100000 }";
        let config = format!(
            "{store}[sessions]\ncapacity_wait_seconds = 3600\nlive_per_account_max = 'unlimited'\n[sizes.standard]\n\
             capacity = 0\n[limits]\n{limits}\n"
        );
        let first = ServerProcess::start(directory.path(), &config).await;
        let (account, key) = {
            let store = &Config::parse(&config).unwrap().store;
            make_account(Store::open(store, directory.path()).await.unwrap()).await
        };
        let ca_pem = std::fs::read_to_string(directory.path().join("ca.pem")).unwrap();
        let mut caller = Caller {
            addresses: [first.address].into(),
            ca_pem: ca_pem.into(),
            authorization: format!("Bearer {account}:{key}").into(),
            account: account.into(),
        };
        let token = caller.once(0, "GET", "token", "").await.unwrap().json();
        caller.authorization = format!("Bearer {}", token["AccessToken"].as_str().unwrap()).into();
        let mut installation = Self { directory, servers: vec![first], caller };
        for number in 0..HOSTS {
            installation.caller.change(number, "PUT", &format!("sessions/host-{number}"), &body("Premium", 60)).await;
            within("a host", async {
                while installation.caller.session(&format!("host-{number}")).await["status"] != "Ready" {
                    look_again().await;
                }
            })
            .await;
        }
        for _ in 1..servers {
            installation.servers.push(ServerProcess::start(installation.directory.path(), &config).await);
        }
        installation.caller.addresses = installation.servers.iter().map(|server| server.address).collect();
        installation
    }

    async fn survives(mut self) {
        let mut pids = host_pids(self.directory.path());
        pids.sort_unstable();
        assert_eq!(pids.len(), HOSTS);
        let progress = Arc::new(Progress::default());
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(work(self.caller.clone(), client, progress.clone()));
        }
        let seed = u64::from(std::process::id()) | 1;
        println!("seed {seed}");
        let mut random = XorShift(seed);
        let (mut kills, mut expected) = (0, BTreeMap::new());
        while !clients.is_empty() {
            let until = progress.acknowledged.load(Ordering::Relaxed) + random.below(UNTIL_KILL);
            tokio::select! {
                () = progress.reaches(until) => {
                    let victim = random.below(0..self.servers.len());
                    self.servers[victim].kill_and_restart().await;
                    kills += 1;
                }
                Some(done) = clients.join_next() => expected.extend(done.unwrap()),
            }
        }
        assert!(kills >= 5, "killed only {kills} times");
        for server in &mut self.servers {
            server.kill_and_restart().await;
        }
        for (id, acknowledged) in &expected {
            let session = self.caller.session(id).await;
            let found = Acknowledged {
                lease_minutes: session["maxLeaseTimeMinutes"].as_u64().unwrap_or_else(|| panic!("{id}: {session}")),
                stopped: session["status"] == "Stopped",
            };
            assert_eq!(found, *acknowledged, "{id}, seed {seed}");
        }
        println!("{kills} kills, {} sessions", expected.len());
        for number in 0..HOSTS {
            assert_eq!(self.caller.session(&format!("host-{number}")).await["status"], "Ready");
        }
        let mut adopted = host_pids(self.directory.path());
        adopted.sort_unstable();
        assert_eq!(adopted, pids, "no host is lost, and none is started for a session without room");
        assert!(pids.iter().all(|pid| is_alive(*pid)));
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.servers.clear();
        for pid in host_pids(self.directory.path()).into_iter().filter(|pid| is_alive(*pid)) {
            kill(pid);
        }
    }
}

/// Creates sessions, extends each and stops every second one, until its share of the changes is acknowledged.
async fn work(caller: Caller, client: usize, progress: Arc<Progress>) -> BTreeMap<String, Acknowledged> {
    let mut sessions = BTreeMap::new();
    let mut changes = 0;
    while changes < CHANGES / CLIENTS {
        let number = sessions.len();
        let id = format!("session-{client}-{number}");
        let target = format!("sessions/{id}");
        caller.change(client + changes, "PUT", &target, &body("Standard", 10)).await;
        progress.acknowledge();
        let longer = r#"{"maxLeaseTimeMinutes":20}"#;
        caller.change(client + changes + 1, "PATCH", &target, longer).await;
        progress.acknowledge();
        changes += 2;
        let stopped = number.is_multiple_of(2);
        if stopped {
            caller.change(client + changes, "POST", &format!("{target}/:stop"), "").await;
            progress.acknowledge();
            changes += 1;
        }
        sessions.insert(id, Acknowledged { lease_minutes: 20, stopped });
    }
    sessions
}

impl Caller {
    /// Asks one control plane; `None` if it does not answer.
    async fn once(&self, number: usize, method: &str, target: &str, body: &str) -> Option<Answer> {
        let address = self.addresses[number % self.addresses.len()];
        let target = format!("/accounts/{}/{target}?api-version=2021-01-01", self.account);
        http::try_tls(address, &self.ca_pem, method, &target, &self.authorization, body).await
    }

    /// Asks each control plane in turn until one acknowledges.
    async fn change(&self, number: usize, method: &str, target: &str, body: &str) {
        within(&format!("{method} {target} being acknowledged"), async {
            for attempt in 0.. {
                match self.once(number + attempt, method, target, body).await {
                    Some(answer) if answer.status < 300 => return,
                    // The lease is already that long, because an attempt whose answer was lost has been stored.
                    Some(answer) if attempt > 0 && method == "PATCH" && answer.status == 422 => return,
                    // A write that the death of the other control plane interrupted may have to be repeated.
                    Some(answer) if answer.status >= 500 => {}
                    Some(answer) => panic!("{method} {target}: {answer:?}"),
                    None => look_again().await,
                }
            }
        })
        .await;
    }

    async fn session(&self, id: &str) -> serde_json::Value {
        let answer =
            self.once(id.len(), "GET", &format!("sessions/{id}"), "").await.expect("no control plane is killed now");
        answer.json()
    }
}

impl Progress {
    fn acknowledge(&self) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
    }

    async fn reaches(&self, acknowledged: usize) {
        while self.acknowledged.load(Ordering::Relaxed) < acknowledged {
            self.changed.notified().await;
        }
    }
}

/// A repeatable random number, good enough to choose which process to kill, and when.
struct XorShift(u64);

impl XorShift {
    fn below(&mut self, range: std::ops::Range<usize>) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        range.start + usize::try_from(self.0 % (range.len() as u64)).expect("less than the range is long")
    }
}

fn body(size: &str, minutes: u32) -> String {
    format!(r#"{{"maxLeaseTimeMinutes":{minutes},"size":"{size}"}}"#)
}
