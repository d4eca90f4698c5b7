use std::time::Duration;

use remora_control::{Config, Provisioner as _};
use remora_session::Size;

use crate::support::plane::{Plane, ready};
use crate::support::{look_again, within};

const SESSION: &str = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;

async fn with_room_for(hosts: u32, warm: u32) -> Plane {
    let text = format!("[sizes.standard]\ncapacity = {hosts}\nwarm = {warm}\n");
    Plane::start_with(Config::parse(&text).unwrap()).await
}

async fn put(plane: &Plane, id: &str) {
    let answer = plane.call("PUT", &format!("/sessions/{id}"), SESSION).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["status"], "Starting");
}

/// Returns the id of the session for which the next host is launched.
async fn launched_for(plane: &Plane) -> String {
    let host = within("the launch of a host", plane.fleet.launched()).await;
    host.assignment.expect("it has a session").session_id
}

#[tokio::test]
async fn those_who_wait_get_a_host_as_soon_as_one_is_gone_and_the_first_is_first() {
    let plane = with_room_for(1, 0).await;
    plane.create_ready("one", 4).await;
    put(&plane, "two").await;
    plane.hand.advance(Duration::from_millis(1));
    put(&plane, "three").await;
    plane.hand.advance(Duration::from_millis(1));
    plane.call("POST", "/sessions/one/:stop", "").await;
    assert_eq!(launched_for(&plane).await, "two");
    plane.call("POST", "/sessions/two/:stop", "").await;
    assert_eq!(launched_for(&plane).await, "three");
    assert_eq!(plane.status("three").await, "Starting");
}

#[tokio::test]
async fn a_session_that_waits_in_vain_says_so() {
    let plane = with_room_for(1, 0).await;
    let host = plane.create_ready("one", 4).await;
    put(&plane, "two").await;
    plane.pass_with_reports(&host, Duration::from_millis(19_999)).await;
    assert_eq!(plane.status("two").await, "Starting");
    plane.hand.advance(Duration::from_millis(1));
    plane.becomes("two", "Error").await;
    let session = plane.call("GET", "/sessions/two", "").await.json();
    assert_eq!(session["error"]["code"], "NoCapacity");
    let message = session["error"]["message"].as_str().unwrap();
    assert!(message.contains("Standard") && message.contains("20 seconds"), "{message}");
    assert_eq!(plane.status("one").await, "Ready");
    put(&plane, "of-another-size").await;
    let premium = plane.call("PUT", "/sessions/premium", r#"{"maxLeaseTimeMinutes":4,"size":"Premium"}"#).await;
    assert_eq!(premium.status, 201);
    assert_eq!(launched_for(&plane).await, "premium", "sizes do not wait for each other");
}

#[tokio::test]
async fn there_are_never_more_hosts_than_there_is_room_for() {
    let plane = with_room_for(3, 1).await;
    let idle = within("an idle host", plane.fleet.launched()).await;
    plane.report(&idle, ready()).await;
    for number in 0..8 {
        put(&plane, &format!("s{number}")).await;
    }
    let mut ended = 0;
    within("every session having had its host", async {
        while ended < 8 {
            let hosts = plane.fleet.list().await.unwrap().len();
            assert!(hosts <= 3, "{hosts} hosts");
            assert!(plane.store.hosts_of(Size::Standard).await.unwrap() <= 3);
            for number in 0..8 {
                let key = format!("/sessions/s{number}");
                let session = plane.store.any_live_sessions(100).await.unwrap();
                let launched = session.iter().any(|stored| {
                    stored.session.key.session.as_str() == format!("s{number}") && stored.session.phase.occupies()
                });
                if launched {
                    plane.call("POST", &format!("{key}/:stop"), "").await;
                    ended += 1;
                }
            }
            look_again().await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_idle_host_that_is_not_ready_makes_room_for_a_session() {
    let plane = with_room_for(1, 1).await;
    let idle = within("an idle host", plane.fleet.launched()).await;
    assert_eq!(idle.assignment, None);
    put(&plane, "one").await;
    assert_eq!(launched_for(&plane).await, "one");
    assert_eq!(plane.report(&idle, ready()).await.status, 404);
    assert_eq!(plane.store.hosts_of(Size::Standard).await.unwrap(), 1);
}

#[tokio::test]
async fn a_restart_forgets_no_waiting_session() {
    let plane = with_room_for(1, 0).await;
    let host = plane.create_ready("one", 60).await;
    put(&plane, "two").await;
    let plane = plane.without_loop().await;
    plane.hand.advance(Duration::from_secs(100));
    let plane = plane.crash_and_restart().await;
    assert_eq!(plane.status("two").await, "Starting", "no control plane could have given it a host");
    plane.report(&host, ready()).await;
    plane.call("POST", "/sessions/one/:stop", "").await;
    assert_eq!(launched_for(&plane).await, "two");
}
