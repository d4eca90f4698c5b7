use std::time::Duration;

use remora_session::HostId;

use crate::support::plane::{Plane, ready};
use crate::support::within;

#[tokio::test]
async fn acknowledged_changes_are_there_after_a_crash() {
    let plane = Plane::start().await;
    plane.create_ready("ready", 4).await;
    plane.create("starting", 4).await;
    plane.create_ready("stopped", 4).await;
    plane.call("POST", "/sessions/stopped/:stop", "").await;
    plane.call("PATCH", "/sessions/ready", r#"{"maxLeaseTimeMinutes":9}"#).await;
    let bodies = async |plane: &Plane| {
        let mut bodies = Vec::new();
        for id in ["ready", "starting", "stopped"] {
            bodies.push(plane.call("GET", &format!("/sessions/{id}"), "").await.body);
        }
        bodies
    };
    let before = bodies(&plane).await;
    let plane = plane.crash_and_restart().await;
    assert_eq!(bodies(&plane).await, before);
}

#[tokio::test]
async fn hosts_are_adopted_and_those_that_do_not_report_are_given_up() {
    let plane = Plane::start().await;
    let talking = plane.create_ready("talking", 60).await;
    plane.create_ready("silent", 60).await;
    // The outage is longer than any silence that is put up with.
    let plane = plane.without_loop().await;
    plane.hand.advance(Duration::from_secs(100));
    let plane = plane.crash_and_restart().await;
    plane.hand.advance(Duration::from_secs(9));
    assert_eq!(plane.status("silent").await, "Ready", "no control plane has listened for that long");
    assert_eq!(plane.report(&talking, ready()).await.status, 200);
    plane.hand.advance(Duration::from_secs(1));
    assert_eq!(plane.status("silent").await, "Error");
    assert_eq!(plane.status("talking").await, "Ready");
}

#[tokio::test]
async fn a_lease_that_ran_out_meanwhile_is_over_after_the_restart() {
    let plane = Plane::start().await;
    let host = plane.create_ready("one", 1).await;
    plane.pass_with_reports(&host, Duration::from_secs(55)).await;
    let plane = plane.without_loop().await;
    plane.hand.advance(Duration::from_secs(5));
    let plane = plane.crash_and_restart().await;
    assert_eq!(plane.status("one").await, "Expired");
}

#[tokio::test]
async fn a_host_that_died_meanwhile_is_noticed() {
    let plane = Plane::start().await.without_loop().await;
    let host = plane.create_unlaunched("one").await;
    plane.fleet.leave_stray(&host);
    plane.report(&host, ready()).await;
    plane.fleet.kill(&host.host_id.parse::<HostId>().unwrap(), "It ended without a watcher.");
    let plane = plane.crash_and_restart().await;
    plane.becomes("one", "Error").await;
}

#[tokio::test]
async fn hosts_without_a_session_are_destroyed() {
    let plane = Plane::start().await;
    let mut stray = plane.create_ready("one", 4).await;
    let plane = plane.without_loop().await;
    stray.host_id = "left-by-a-crash".into();
    plane.fleet.leave_stray(&stray);
    let plane = plane.crash_and_restart().await;
    plane.call("POST", "/sessions/one/:stop", "").await;
    within("every host being gone", plane.fleet.emptied()).await;
}
