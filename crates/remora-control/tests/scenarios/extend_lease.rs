use crate::support::plane::Plane;

#[tokio::test]
async fn a_longer_lease_is_taken_while_starting_and_while_ready() {
    let plane = Plane::start().await;
    let host = plane.create("one", 4).await;
    let answer = plane.call("PATCH", "/sessions/one", r#"{"maxLeaseTimeMinutes":5}"#).await;
    assert_eq!((answer.status, answer.json()["maxLeaseTimeMinutes"].as_u64()), (200, Some(5)));
    assert_eq!(answer.json()["status"], "Starting");
    plane.report(&host, crate::support::plane::ready()).await;
    let answer = plane.call("PATCH", "/sessions/one", r#"{"maxLeaseTimeMinutes":1440}"#).await;
    assert_eq!((answer.status, answer.json()["maxLeaseTimeMinutes"].as_u64()), (200, Some(1_440)));
    assert_eq!(plane.call("GET", "/sessions/one", "").await.json(), answer.json());
}

#[tokio::test]
async fn anything_else_is_refused_with_422_and_changes_nothing() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    for (body, message) in [
        (r#"{"maxLeaseTimeMinutes":4}"#, "must be larger than the current value of 4"),
        (r#"{"maxLeaseTimeMinutes":3}"#, "must be larger than the current value of 4"),
        (r#"{"maxLeaseTimeMinutes":-1}"#, "cannot be negative"),
        (r#"{"maxLeaseTimeMinutes":1441}"#, "cannot be larger than 1440"),
        (r#"{"maxLeaseTimeMinutes":"5"}"#, "is not a number"),
        ("{}", "is required"),
        ("[5]", "malformed"),
        ("", "malformed"),
    ] {
        let answer = plane.call("PATCH", "/sessions/one", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "UnprocessableEntity"), "{body}");
        assert!(answer.body.contains(message), "{body}: {}", answer.body);
    }
    assert_eq!(plane.call("GET", "/sessions/one", "").await.json()["maxLeaseTimeMinutes"], 4);
}

#[tokio::test]
async fn an_ended_session_has_no_lease_to_extend() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    plane.call("POST", "/sessions/one/:stop", "").await;
    let answer = plane.call("PATCH", "/sessions/one", r#"{"maxLeaseTimeMinutes":5}"#).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "UnprocessableEntity"));
    assert!(answer.body.contains("has ended"), "{}", answer.body);
}
