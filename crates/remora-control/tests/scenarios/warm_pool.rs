use std::time::Duration;

use remora_control::{Config, Provisioner as _};
use remora_protocol::link::{HostOrder, HostSpec, HostState};
use remora_session::HostId;

use crate::support::plane::{Plane, ready};
use crate::support::{look_again, within};

const ONE_WARM: &str = "[sizes.standard]\nwarm = 1\n";
const SESSION: &str = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;

fn config(text: &str) -> Config {
    Config::parse(text).unwrap()
}

fn id(host: &HostSpec) -> HostId {
    host.host_id.parse().unwrap()
}

async fn order(plane: &Plane, host: &HostSpec) -> HostOrder {
    let answer = plane.report(host, ready()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// The next host that is launched, which has no session.
async fn launched_idle(plane: &Plane) -> HostSpec {
    let host = within("the launch of an idle host", plane.fleet.launched()).await;
    assert_eq!(host.assignment, None);
    host
}

async fn ready_idle(plane: &Plane) -> HostSpec {
    let host = launched_idle(plane).await;
    assert_eq!(order(plane, &host).await, HostOrder::Wait);
    host
}

async fn put(plane: &Plane, id: &str) -> String {
    let answer = plane.call("PUT", &format!("/sessions/{id}"), SESSION).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_gets_the_host_that_waits_and_another_takes_its_place() {
    let plane = Plane::start_with(config(ONE_WARM)).await;
    let host = ready_idle(&plane).await;
    assert_eq!(put(&plane, "one").await, "Starting");
    assert_eq!(plane.status("one").await, "Ready", "at the first look");
    let HostOrder::Run(assignment) = order(&plane, &host).await else { panic!("the host has a session") };
    let answer = plane.report_of(&host, ready(), Some(assignment.session_id.clone())).await;
    let again: HostOrder = serde_json::from_str(&answer.body).unwrap();
    assert!(matches!(again, HostOrder::Extend { .. }), "the assignment is told once: {again:?}");
    assert_eq!((assignment.session_id.as_str(), assignment.lease_milliseconds), ("one", 240_000));
    assert_eq!(assignment.account_id, plane.account.to_string());
    let next = launched_idle(&plane).await;
    assert_ne!(next.host_id, host.host_id);
    plane.call("POST", "/sessions/one/:stop", "").await;
    within("the claimed host ending with its session", async {
        while plane.fleet.list().await.unwrap().iter().any(|other| other.id == id(&host)) {
            look_again().await;
        }
    })
    .await;
}

#[tokio::test]
async fn one_host_is_given_to_one_session() {
    let plane = Plane::start_with(config(ONE_WARM)).await;
    let host = ready_idle(&plane).await;
    let (one, two) = tokio::join!(put(&plane, "one"), put(&plane, "two"));
    assert_eq!((one.as_str(), two.as_str()), ("Starting", "Starting"));
    let mut status = [plane.status("one").await, plane.status("two").await];
    status.sort();
    assert_eq!(status, ["Ready", "Starting"], "the other has a host of its own to come");
    assert!(matches!(order(&plane, &host).await, HostOrder::Run(_)));
}

#[tokio::test]
async fn a_session_does_not_wait_for_a_host_that_is_not_ready() {
    let plane = Plane::start_with(config(ONE_WARM)).await;
    let idle = launched_idle(&plane).await;
    plane.report(&idle, HostState::Starting).await;
    put(&plane, "one").await;
    let own = within("a host of its own", plane.fleet.launched()).await;
    assert_eq!(own.assignment.unwrap().session_id, "one");
}

#[tokio::test]
async fn a_silent_host_gets_no_session_and_is_replaced() {
    let plane = Plane::start_with(config(ONE_WARM)).await;
    let silent = ready_idle(&plane).await;
    let plane = plane.without_loop().await;
    plane.hand.advance(Duration::from_secs(10));
    put(&plane, "one").await;
    assert_eq!(plane.status("one").await, "Starting");
    let plane = plane.crash_and_restart().await;
    let own = within("a host of its own", plane.fleet.launched()).await;
    assert_eq!(own.assignment.unwrap().session_id, "one");
    let next = within("another host waiting", async {
        loop {
            tokio::select! {
                host = plane.fleet.launched() => break host,
                () = look_again() => plane.hand.advance(Duration::from_millis(100)),
            }
        }
    })
    .await;
    assert_ne!(next.host_id, silent.host_id);
    assert_eq!(plane.report(&silent, ready()).await.status, 404, "no session has it");
}

#[tokio::test]
async fn idle_hosts_that_die_are_replaced_ever_more_slowly() {
    let plane = Plane::start_with(config(ONE_WARM)).await;
    let mut host = launched_idle(&plane).await;
    for pause in [500, 1_000, 2_000] {
        plane.fleet.kill(&id(&host), "no driver");
        within("its remains being cleared", plane.fleet.emptied()).await;
        assert!(plane.store.idle_hosts().await.unwrap().is_empty());
        plane.hand.advance(Duration::from_millis(pause - 1));
        put(&plane, &format!("looks-{pause}")).await;
        let own = within("a host for a session, with which the loop comes by", plane.fleet.launched()).await;
        assert!(own.assignment.is_some(), "the pause is not over");
        plane.call("POST", &format!("/sessions/looks-{pause}/:stop"), "").await;
        within("that host being gone", plane.fleet.emptied()).await;
        plane.hand.advance(Duration::from_millis(1));
        host = launched_idle(&plane).await;
    }
    order(&plane, &host).await;
    put(&plane, "one").await;
    assert_eq!(plane.status("one").await, "Ready");
}

#[tokio::test]
async fn idle_hosts_outlive_the_control_plane() {
    let plane = Plane::start_with(config(ONE_WARM)).await;
    let host = ready_idle(&plane).await;
    let plane = plane.crash_and_restart().await;
    assert_eq!(order(&plane, &host).await, HostOrder::Wait);
    put(&plane, "one").await;
    assert_eq!(plane.status("one").await, "Ready");
    assert!(matches!(order(&plane, &host).await, HostOrder::Run(_)));
}

#[tokio::test]
async fn idle_hosts_of_an_older_configuration_are_replaced_and_superfluous_ones_end() {
    let plane = Plane::start_with(config(ONE_WARM)).await;
    let old = ready_idle(&plane).await;
    let other = format!("{ONE_WARM}adapter = \"another\"\n");
    let plane = plane.crash_and_restart_with(config(&other)).await;
    let new = ready_idle(&plane).await;
    assert_eq!((old.adapter.as_deref(), new.adapter.as_deref()), (None, Some("another")));
    assert_eq!(plane.report(&old, ready()).await.status, 404);
    let plane = plane.crash_and_restart_with(config("")).await;
    within("no host waiting any more", plane.fleet.emptied()).await;
    assert!(plane.store.idle_hosts().await.unwrap().is_empty());
}
