use std::time::Duration;

use remora_control::{Condition, Provisioner as _};
use remora_protocol::link::{Assignment, HostOrder, StopReason};

use crate::support::plane::{Plane, ready};
use crate::support::within;

#[tokio::test]
async fn a_session_expires_when_its_lease_is_over_and_not_before() {
    let plane = Plane::start().await;
    let host = plane.create("one", 4).await;
    // Time in Starting does not count against the lease.
    plane.hand.advance(Duration::from_secs(25));
    plane.report(&host, ready()).await;
    plane.pass_with_reports(&host, Duration::from_secs(239)).await;
    plane.hand.advance(Duration::from_millis(999));
    assert_eq!(plane.status("one").await, "Ready");
    plane.hand.advance(Duration::from_millis(1));
    assert_eq!(plane.status("one").await, "Expired");
    let session = plane.call("GET", "/sessions/one", "").await.json();
    assert_eq!(session["elapsedTimeMinutes"], 4);
    assert!(session.get("hostname").is_none() && session.get("error").is_none(), "{session}");
    plane.hand.advance(Duration::from_secs(1));
    within("the host being taken down", plane.fleet.emptied()).await;
}

#[tokio::test]
async fn a_simulated_host_ends_with_its_lease_like_a_real_one() {
    let plane = Plane::start().await;
    let host = plane.create_ready("one", 1).await;
    let plane = plane.without_loop().await;
    plane.hand.advance(Duration::from_millis(59_999));
    let condition = async || plane.fleet.list().await.unwrap().remove(0).condition;
    assert_eq!(condition().await, Condition::Running);
    plane.hand.advance(Duration::from_millis(1));
    assert!(matches!(condition().await, Condition::Exited { .. }), "the host of {} lives on", host.host_id);
}

#[tokio::test]
async fn a_simulated_host_that_is_told_to_stop_ends_like_a_real_one() {
    let plane = Plane::start().await;
    let host = plane.create_ready("one", 1).await;
    let plane = plane.without_loop().await;
    plane.call("POST", "/sessions/one/:stop", "").await;
    plane.report(&host, ready()).await;
    let condition = plane.fleet.list().await.unwrap().remove(0).condition;
    assert!(matches!(condition, Condition::Exited { .. }), "{condition:?}");
}

#[tokio::test]
async fn an_extended_lease_ends_later() {
    let plane = Plane::start().await;
    let host = plane.create_ready("one", 1).await;
    plane.call("PATCH", "/sessions/one", r#"{"maxLeaseTimeMinutes":2}"#).await;
    plane.pass_with_reports(&host, Duration::from_secs(119)).await;
    assert_eq!(plane.status("one").await, "Ready");
    plane.hand.advance(Duration::from_secs(1));
    assert_eq!(plane.status("one").await, "Expired");
}

#[tokio::test]
async fn hosts_are_told_the_remaining_lease() {
    let plane = Plane::start().await;
    let host = plane.create("one", 2).await;
    let run = |lease_milliseconds| {
        let Assignment { session_id, account_id, models, owner, private, .. } =
            host.assignment.clone().expect("it has a session");
        HostOrder::Run(Assignment { session_id, account_id, lease_milliseconds, models, owner, private })
    };
    let order = async || serde_json::from_str::<HostOrder>(&plane.report(&host, ready()).await.body).unwrap();
    assert_eq!(order().await, run(120_000));
    plane.hand.advance(Duration::from_millis(9_500));
    assert_eq!(order().await, run(110_500));
    plane.call("PATCH", "/sessions/one", r#"{"maxLeaseTimeMinutes":3}"#).await;
    assert_eq!(order().await, run(170_500));
    plane.pass_with_reports(&host, Duration::from_millis(170_499)).await;
    plane.hand.advance(Duration::from_millis(1));
    assert_eq!(order().await, HostOrder::Stop { reason: StopReason::LeaseExpired });
}

#[tokio::test]
async fn a_session_that_told_its_end_cannot_be_extended_afterwards() {
    let plane = Plane::start().await.without_loop().await;
    let host = plane.create_unlaunched("one").await;
    plane.report(&host, ready()).await;
    plane.pass_with_reports(&host, Duration::from_secs(239)).await;
    plane.hand.advance(Duration::from_secs(1));
    assert_eq!(plane.call("PATCH", "/sessions/one", r#"{"maxLeaseTimeMinutes":9}"#).await.status, 422);
}
