use std::time::Duration;

use remora_protocol::link::{HostState, PORTS};
use remora_session::HostId;

use crate::support::plane::{Plane, ready};
use crate::support::{look_again, within};

fn id(host: &remora_protocol::link::HostSpec) -> HostId {
    host.host_id.parse().unwrap()
}

#[tokio::test]
async fn a_ready_session_whose_host_dies_says_why() {
    let plane = Plane::start().await;
    let host = plane.create_ready("one", 4).await;
    plane.fleet.kill(&id(&host), "The render host was ended by signal 9.");
    plane.becomes("one", "Error").await;
    let session = plane.call("GET", "/sessions/one", "").await.json();
    assert_eq!(session["error"]["code"], "RenderHostFailure");
    assert_eq!(session["error"]["message"], "The render host was ended by signal 9.");
    assert!(session.get("handshakePort").is_none());
    within("its remains being cleared", plane.fleet.emptied()).await;
}

#[tokio::test]
async fn a_start_that_fails_is_tried_again_with_another_host_and_then_given_up() {
    let plane = Plane::start().await;
    let first = plane.create("one", 4).await;
    plane.report(&first, HostState::Failed { why: "no driver".into() }).await;
    within("the failed host being gone", plane.fleet.emptied()).await;
    assert_eq!(plane.status("one").await, "Starting");
    plane.hand.advance(Duration::from_millis(500));
    let second = within("another host", plane.fleet.launched()).await;
    assert_ne!(first.host_id, second.host_id);
    assert_ne!(first.secret, second.secret);
    assert_eq!(plane.report(&first, ready()).await.status, 404, "no session has the first host");
    plane.report(&second, HostState::Failed { why: "still no driver".into() }).await;
    plane.becomes("one", "Error").await;
    assert!(plane.call("GET", "/sessions/one", "").await.body.contains("still no driver"));
    within("the second host being gone", plane.fleet.emptied()).await;
}

#[tokio::test]
async fn a_fleet_that_refuses_is_told_to_the_owner() {
    let plane = Plane::start().await;
    plane.fleet.refuse("no capacity for Standard");
    plane.call("PUT", "/sessions/one", r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#).await;
    within("the session giving up", async {
        while plane.status("one").await == "Starting" {
            plane.hand.advance(Duration::from_millis(100));
            look_again().await;
        }
    })
    .await;
    let session = plane.call("GET", "/sessions/one", "").await.json();
    assert_eq!(
        (session["status"].as_str(), session["error"]["message"].as_str()),
        (Some("Error"), Some("no capacity for Standard"))
    );
}

#[tokio::test]
async fn a_silent_host_is_given_up() {
    let plane = Plane::start().await;
    plane.create_ready("one", 4).await;
    plane.hand.advance(Duration::from_millis(9_999));
    assert_eq!(plane.status("one").await, "Ready");
    plane.hand.advance(Duration::from_millis(1));
    assert_eq!(plane.status("one").await, "Error");
    within("the host being taken down", plane.fleet.emptied()).await;
}

#[tokio::test]
async fn a_host_that_never_gets_ready_is_replaced() {
    let plane = Plane::start().await;
    let host = plane.create("one", 4).await;
    plane.report(&host, HostState::Starting).await;
    plane.hand.advance(Duration::from_secs(30));
    within("the slow host being gone", plane.fleet.emptied()).await;
    plane.hand.advance(Duration::from_millis(500));
    assert_ne!(within("another host", plane.fleet.launched()).await.host_id, host.host_id);
}

#[tokio::test]
async fn only_a_host_can_report_for_itself() {
    let plane = Plane::start().await;
    let mut host = plane.create("one", 4).await;
    let secret = std::mem::replace(&mut host.secret, "guessed".into());
    assert_eq!(plane.report(&host, ready()).await.status, 401);
    host.secret = plane.token.clone();
    assert_eq!(plane.report(&host, ready()).await.status, 401);
    assert_eq!(plane.status("one").await, "Starting");
    let target = format!("/hosts/{}/report", host.host_id);
    let authorization = format!("Bearer {secret}");
    for body in ["", "{}", "[]", r#"{"state":{"state":"Flying"},"connected_clients":0}"#] {
        let answer = plane.send("POST", &target, &[("Authorization", &authorization)], body).await;
        assert_eq!(answer.status, 400, "{body}");
    }
    host.secret = secret;
    let HostState::Ready(mut address) = ready() else { unreachable!("ready() is Ready") };
    address.handshake_port = PORTS.end() + 1;
    assert_eq!(plane.report(&host, HostState::Ready(address)).await.status, 400, "a port outside the range");
    assert_eq!(plane.report(&host, ready()).await.status, 200);
    assert_eq!(plane.status("one").await, "Ready");
}
