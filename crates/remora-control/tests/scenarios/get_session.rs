use std::time::Duration;

use crate::support::plane::Plane;

#[tokio::test]
async fn a_ready_session_has_its_address_and_a_stopped_one_has_not() {
    let plane = Plane::start().await;
    plane.create_ready("one", 4).await;
    let ready = plane.call("GET", "/sessions/one", "").await;
    assert_eq!(ready.status, 200);
    assert_eq!(
        ready.body,
        concat!(
            r#"{"id":"one","creationTime":"2024-05-02T11:24:13.847+00:00","arrInspectorPort":50001,"#,
            r#""handshakePort":50000,"elapsedTimeMinutes":0,"hostname":"localhost","maxLeaseTimeMinutes":4,"#,
            r#""size":"Standard","status":"Ready","teraflops":8.1,"owner":{"name":"account key"}}"#
        )
    );
    plane.call("POST", "/sessions/one/:stop", "").await;
    let stopped = plane.call("GET", "/sessions/one", "").await;
    assert_eq!(
        stopped.body,
        concat!(
            r#"{"id":"one","creationTime":"2024-05-02T11:24:13.847+00:00","elapsedTimeMinutes":0,"#,
            r#""maxLeaseTimeMinutes":4,"size":"Standard","status":"Stopped","teraflops":8.1,"#,
            r#""owner":{"name":"account key"}}"#
        )
    );
}

#[tokio::test]
async fn elapsed_minutes_count_from_ready_and_are_rounded_down() {
    let plane = Plane::start().await;
    let host = plane.create("one", 4).await;
    plane.hand.advance(Duration::from_secs(20));
    plane.report(&host, crate::support::plane::ready()).await;
    let elapsed = async || plane.call("GET", "/sessions/one", "").await.json()["elapsedTimeMinutes"].clone();
    plane.pass_with_reports(&host, Duration::from_secs(59)).await;
    assert_eq!(elapsed().await, 0);
    plane.pass_with_reports(&host, Duration::from_secs(1)).await;
    assert_eq!(elapsed().await, 1);
}

#[tokio::test]
async fn an_unknown_session_is_not_found() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    for id in ["two", "ONE", "a%20b", "%ff%fe", "..%2fone"] {
        for (method, suffix, body) in
            [("GET", "", ""), ("PATCH", "", r#"{"maxLeaseTimeMinutes":5}"#), ("POST", "/:stop", "")]
        {
            let answer = plane.call(method, &format!("/sessions/{id}{suffix}"), body).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "SessionNotFound"), "{method} {id}");
        }
    }
}
