//! The process fleet. Its processes are shell scripts that behave well or badly, instead of render hosts.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use remora_control::{
    Authority, Bell, Clock, Condition, HostCommand, LocalPlacement, ManualClock, ProcessFleet, ProvisionError,
    Provisioner as _, Remains,
};
use remora_protocol::link::{Exclusive, Fence, HostSpec, HostStart, Rendering};
use remora_session::{HostId, Timestamp};

use crate::support::installation::{host_pids, is_alive, kill};
use crate::support::{look_again, within};

struct Fleet {
    fleet: ProcessFleet,
    bell: Bell,
    hand: ManualClock,
}

/// Opens a fleet whose hosts run `script` in `sh`, with the start line on standard input.
fn open(directory: &Path, script: &str) -> Fleet {
    let command = HostCommand {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.to_owned().into()],
        shaders: None,
    };
    let (bell, (clock, hand)) = (Bell::default(), Clock::manual(Timestamp::from_milliseconds(1_000_000)));
    let fleet =
        ProcessFleet::open(&directory.join("hosts"), command, placement(directory), clock, bell.clone()).unwrap();
    Fleet { fleet, bell, hand }
}

fn placement(directory: &Path) -> Arc<LocalPlacement> {
    let now = Timestamp::from_milliseconds(1_000_000);
    Arc::new(LocalPlacement {
        control_urls: vec!["https://localhost:1".into()],
        hostname: "localhost".into(),
        names: vec!["localhost".into()],
        listen_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        media: Default::default(),
        model_files: vec![],
        cache_directory: None,
        authority: Arc::new(Authority::open(directory, now).unwrap()),
        operators_certificate: None,
    })
}

fn spec() -> (HostSpec, HostId) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let id = format!("host-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let spec = HostSpec {
        host_id: id.clone(),
        secret: "secret".into(),
        control_ca_pem: String::new(),
        size: "Standard".into(),
        assignment: None,
        token_public_key_pem: String::new(),
        allowed_origins: Default::default(),
        remote_models: Default::default(),
        adapter: None,
        primitives_max: None,
        rendering: Rendering::default(),
        exclusive: Exclusive::UntilDisconnect,
        fence: Fence::default(),
        json_logs: false,
        start_milliseconds_max: 1,
    };
    (spec, id.parse().unwrap())
}

impl Fleet {
    async fn condition(&self, host: &HostId) -> Option<Condition> {
        let hosts = self.fleet.list().await.unwrap();
        hosts.into_iter().find(|other| other.id == *host).map(|host| host.condition)
    }

    /// Waits for the bell that rings when a process ends, and returns how it has ended.
    async fn exit(&self, host: &HostId) -> String {
        within("the exit of the host", async {
            loop {
                match self.condition(host).await {
                    Some(Condition::Exited { how }) => return how,
                    Some(Condition::Running) => self.bell.rung().await,
                    None => panic!("the host is not known"),
                }
            }
        })
        .await
    }

    async fn destroy(&self, host: &HostId) {
        within("the host being gone", async {
            while self.fleet.destroy(host).await.unwrap() == Remains::Going {
                self.bell.rung().await;
            }
        })
        .await;
    }
}

/// Returns the first line that the host prints.
async fn line_of_log(directory: &Path, host: &HostId) -> String {
    let path = directory.join(format!("hosts/{host}.log"));
    within("the host printing a line", async {
        loop {
            let text = std::fs::read_to_string(&path).unwrap();
            if let Some((line, _)) = text.split_once('\n') {
                return line.to_owned();
            }
            look_again().await;
        }
    })
    .await
}

const WELL_BEHAVED: &str = "read -r spec; printf 'told: %s\\n' \"$spec\"; exec sleep 600";

#[tokio::test]
async fn a_host_is_started_once_told_once_and_taken_down() {
    let directory = tempfile::tempdir().unwrap();
    let fleet = open(directory.path(), WELL_BEHAVED);
    let (spec, host) = spec();
    fleet.fleet.ensure(&host, &spec).await.unwrap();
    fleet.fleet.ensure(&host, &spec).await.unwrap();
    let [pid] = host_pids(directory.path())[..] else { panic!("not one host") };
    let log = line_of_log(directory.path(), &host).await;
    let told: HostStart = serde_json::from_str(log.strip_prefix("told: ").unwrap()).unwrap();
    assert_eq!(told.spec.host_id, spec.host_id);
    let scratch = std::path::PathBuf::from(told.placement.scratch_directory.unwrap());
    assert_eq!(std::fs::metadata(&scratch).unwrap().permissions().mode() & 0o777, 0o700);
    std::fs::write(scratch.join("shader"), "compiled").unwrap();
    assert!(is_alive(pid));
    assert_eq!(fleet.condition(&host).await, Some(Condition::Running));
    fleet.destroy(&host).await;
    assert!(!is_alive(pid));
    assert!(host_pids(directory.path()).is_empty());
    assert!(!scratch.exists());
    assert_eq!(fleet.fleet.destroy(&host).await.unwrap(), Remains::Gone, "twice is no error");
}

#[tokio::test]
async fn how_a_host_ended_is_known_and_it_is_not_started_again() {
    let directory = tempfile::tempdir().unwrap();
    for (script, expected) in [
        ("read spec; exit 0", "The render host ended."),
        ("read spec; exit 3", "The render host ended unexpectedly with exit status 3."),
        ("read spec; kill -KILL $$", "The render host was ended by signal 9."),
    ] {
        let fleet = open(directory.path(), script);
        let (spec, host) = spec();
        fleet.fleet.ensure(&host, &spec).await.unwrap();
        assert_eq!(fleet.exit(&host).await, expected);
        fleet.fleet.ensure(&host, &spec).await.unwrap();
        assert_eq!(fleet.exit(&host).await, expected, "a host that has existed is not started again");
        fleet.destroy(&host).await;
        assert_eq!(fleet.condition(&host).await, None);
    }
}

#[tokio::test]
async fn a_host_that_does_not_listen_is_killed_after_a_grace() {
    let directory = tempfile::tempdir().unwrap();
    let fleet = open(directory.path(), "trap '' TERM; read spec; echo begun; while :; do sleep 600; done");
    let (spec, host) = spec();
    fleet.fleet.ensure(&host, &spec).await.unwrap();
    assert_eq!(line_of_log(directory.path(), &host).await, "begun");
    assert_eq!(fleet.fleet.destroy(&host).await.unwrap(), Remains::Going);
    fleet.hand.advance(std::time::Duration::from_millis(2_999));
    assert_eq!(fleet.fleet.destroy(&host).await.unwrap(), Remains::Going);
    assert_eq!(fleet.condition(&host).await, Some(Condition::Running), "it still has its grace");
    fleet.hand.advance(std::time::Duration::from_millis(1));
    fleet.destroy(&host).await;
}

#[tokio::test]
async fn hosts_survive_and_are_adopted() {
    let directory = tempfile::tempdir().unwrap();
    let (living, living_host) = spec();
    let (dying, dying_host) = spec();
    let pids = {
        let fleet = open(directory.path(), WELL_BEHAVED);
        fleet.fleet.ensure(&living_host, &living).await.unwrap();
        let living_pids = host_pids(directory.path());
        fleet.fleet.ensure(&dying_host, &dying).await.unwrap();
        let dying_pid = *host_pids(directory.path()).iter().find(|pid| !living_pids.contains(pid)).unwrap();
        kill(dying_pid);
        fleet.exit(&dying_host).await;
        living_pids
    };
    let fleet = open(directory.path(), "exit 1");
    assert_eq!(fleet.condition(&living_host).await, Some(Condition::Running));
    let how = fleet.exit(&dying_host).await;
    assert!(how.contains("while no control plane watched it"), "{how}");
    fleet.fleet.ensure(&living_host, &living).await.unwrap();
    assert_eq!(host_pids(directory.path()).len(), 2, "an adopted host is not started again");
    kill(pids[0]);
    fleet.exit(&living_host).await;
    fleet.destroy(&living_host).await;
    fleet.destroy(&dying_host).await;
    assert!(host_pids(directory.path()).is_empty());
}

#[tokio::test]
async fn an_adopted_host_is_taken_down_like_any_other() {
    let directory = tempfile::tempdir().unwrap();
    let (spec, host) = spec();
    open(directory.path(), WELL_BEHAVED).fleet.ensure(&host, &spec).await.unwrap();
    let [pid] = host_pids(directory.path())[..] else { panic!("not one host") };
    let fleet = open(directory.path(), "exit 1");
    fleet.destroy(&host).await;
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_host_of_one_control_plane_is_seen_and_destroyed_by_another() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (open(directory.path(), WELL_BEHAVED), open(directory.path(), WELL_BEHAVED));
    let (spec, host) = spec();
    one.fleet.ensure(&host, &spec).await.unwrap();
    let [pid] = host_pids(directory.path())[..] else { panic!("not one host") };
    within("the other seeing it", async {
        while other.condition(&host).await != Some(Condition::Running) {
            look_again().await;
        }
    })
    .await;
    other.fleet.ensure(&host, &spec).await.unwrap();
    assert_eq!(host_pids(directory.path()), [pid]);
    kill(pid);
    let (by_one, by_other) = (one.exit(&host).await, other.exit(&host).await);
    assert_eq!(by_one, "The render host was ended by signal 9.");
    assert_eq!(by_other, "The render host ended unexpectedly.");
    other.destroy(&host).await;
    within("the first forgetting it", async {
        while one.condition(&host).await.is_some() {
            look_again().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_host_that_several_start_at_once_is_started_once() {
    let directory = tempfile::tempdir().unwrap();
    let fleets: Vec<Fleet> = (0..3).map(|_| open(directory.path(), WELL_BEHAVED)).collect();
    let (spec, host) = spec();
    let (one, two, three) = tokio::join!(
        fleets[0].fleet.ensure(&host, &spec),
        fleets[1].fleet.ensure(&host, &spec),
        fleets[2].fleet.ensure(&host, &spec)
    );
    [one, two, three].into_iter().collect::<Result<(), _>>().unwrap();
    let log = directory.path().join(format!("hosts/{host}.log"));
    within("the host being told", async {
        while !std::fs::read_to_string(&log).unwrap().contains(&spec.host_id) {
            look_again().await;
        }
    })
    .await;
    let [pid] = host_pids(directory.path())[..] else { panic!("not one host") };
    for fleet in &fleets {
        assert_eq!(fleet.condition(&host).await, Some(Condition::Running));
    }
    fleets[2].destroy(&host).await;
    assert!(!is_alive(pid));
    let log = std::fs::read_to_string(&log).unwrap();
    assert_eq!(log.matches("\"host_id\"").count(), 1, "the other processes ended untold: {log}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let command = HostCommand { program: "/nowhere/remora".into(), ..HostCommand::default() };
    let clock = Clock::manual(Timestamp::from_milliseconds(1)).0;
    let fleet = ProcessFleet::open(
        &directory.path().join("hosts"),
        command,
        placement(directory.path()),
        clock,
        Bell::default(),
    )
    .unwrap();
    let (spec, host) = spec();
    let refused = fleet.ensure(&host, &spec).await;
    assert!(matches!(&refused, Err(ProvisionError::Start { program, .. }) if program == "/nowhere/remora"));
    assert!(fleet.list().await.unwrap().is_empty());
    assert_eq!(fleet.destroy(&host).await.unwrap(), Remains::Gone);
}

#[tokio::test]
async fn unreadable_pid_files_are_removed_without_a_signal() {
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts");
    std::fs::create_dir(&hosts).unwrap();
    for name in ["broken.json", "Not An Id.json", ".host.json.new"] {
        std::fs::write(hosts.join(name), "{").unwrap();
    }
    let fleet = open(directory.path(), "exit 1");
    assert!(fleet.fleet.list().await.unwrap().is_empty());
    assert_eq!(std::fs::read_dir(&hosts).unwrap().count(), 0);
}
