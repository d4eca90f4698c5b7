use remora_protocol::link::{HostOrder, StopReason};

use crate::support::plane::{Plane, ready};
use crate::support::{look_again, within};

#[tokio::test]
async fn stopping_is_immediate_final_and_may_be_repeated() {
    let plane = Plane::start().await;
    plane.create_ready("one", 4).await;
    for _ in 0..2 {
        let answer = plane.call("POST", "/sessions/one/:stop", "").await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        assert_eq!(answer.header("content-type"), None);
        assert_eq!(plane.status("one").await, "Stopped");
    }
    within("the host being taken down", plane.fleet.emptied()).await;
}

#[tokio::test]
async fn a_session_that_never_was_ready_can_be_stopped() {
    let plane = Plane::start().await;
    let host = plane.create("one", 4).await;
    assert_eq!(plane.call("POST", "/sessions/one/:stop", "").await.status, 204);
    within("the host being taken down", plane.fleet.emptied()).await;
    within("the host being unknown", async {
        while plane.report(&host, ready()).await.status != 404 {
            look_again().await;
        }
    })
    .await;
    assert_eq!(plane.status("one").await, "Stopped");
    assert!(!plane.call("GET", "/sessions/one", "").await.body.contains("teraflops"), "it has never had any");
}

#[tokio::test]
async fn a_host_that_asks_first_is_told_why() {
    let plane = Plane::start().await.without_loop().await;
    let host = plane.create_unlaunched("one").await;
    plane.report(&host, ready()).await;
    plane.call("POST", "/sessions/one/:stop", "").await;
    let order: HostOrder = serde_json::from_str(&plane.report(&host, ready()).await.body).unwrap();
    assert_eq!(order, HostOrder::Stop { reason: StopReason::Stopped });
}
