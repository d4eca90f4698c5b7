use remora_protocol::link::Assignment;
use remora_protocol::token;

use crate::support::plane::Plane;

#[tokio::test]
async fn a_new_session_is_starting_and_its_body_is_the_original_services_with_an_owner_behind_it() {
    let plane = Plane::start().await;
    let answer = plane.call("PUT", "/sessions/one", r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#).await;
    assert_eq!((answer.status, answer.reason.as_str()), (201, "Created"));
    assert_eq!(
        answer.body,
        concat!(
            r#"{"id":"one","creationTime":"2024-05-02T11:24:13.847+00:00","elapsedTimeMinutes":0,"#,
            r#""maxLeaseTimeMinutes":4,"size":"Standard","status":"Starting","#,
            // Fields that the original service did not have come last.
            r#""owner":{"name":"account key"}}"#
        )
    );
}

#[tokio::test]
async fn a_retry_of_the_same_request_is_answered_with_200() {
    let plane = Plane::start().await;
    let body = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
    let first = plane.call("PUT", "/sessions/one", body).await;
    let second = plane.call("PUT", "/sessions/one", r#"{"size":"standard","maxLeaseTimeMinutes":4.0}"#).await;
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.body, second.body);
}

#[tokio::test]
async fn an_id_with_other_settings_or_with_a_past_is_taken() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    for body in [r#"{"maxLeaseTimeMinutes":5,"size":"Standard"}"#, r#"{"maxLeaseTimeMinutes":4,"size":"Premium"}"#] {
        let answer = plane.call("PUT", "/sessions/one", body).await;
        assert_eq!(answer.status, 409, "{body}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "Conflict");
        assert_eq!(error["message"], "A resource already exists under the given ID.");
        assert_eq!(error["target"], "one");
    }
    plane.call("POST", "/sessions/one/:stop", "").await;
    let answer = plane.call("PUT", "/sessions/one", r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "Conflict"));
}

#[tokio::test]
async fn ids_are_case_sensitive_and_of_one_account() {
    let plane = Plane::start().await;
    let body = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
    for id in ["one", "ONE", "One"] {
        assert_eq!(plane.call("PUT", &format!("/sessions/{id}"), body).await.status, 201, "{id}");
    }
}

#[tokio::test]
async fn requests_of_the_original_scripts_are_accepted() {
    let plane = Plane::start().await;
    for (id, body, size) in [
        ("a", r#"{"maxLeaseTimeMinutes":240.0,"size":"standard"}"#, "Standard"),
        ("b", r#"{ "size" : "PREMIUM", "maxLeaseTimeMinutes" : 1440 }"#, "Premium"),
        ("c", r#"{"maxLeaseTimeMinutes":0,"size":"Standard","debug":{"x":[1]},"models":[]}"#, "Standard"),
    ] {
        let answer = plane.call("PUT", &format!("/sessions/{id}"), body).await;
        assert_eq!(answer.status, 201, "{body}");
        assert_eq!(answer.json()["size"], size);
    }
}

#[tokio::test]
async fn both_names_of_the_version_are_one_api() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    let authorization = format!("Bearer {}", plane.token);
    let target = format!("/accounts/{}/sessions/one?api-version=2021-01-01-preview", plane.account);
    let answer = plane.send("GET", &target, &[("Authorization", &authorization)], "").await;
    assert_eq!((answer.status, answer.json()["id"].as_str()), (200, Some("one")));
}

#[tokio::test]
async fn a_host_is_told_about_its_session() {
    let plane = Plane::start().await;
    let host = plane.create("one", 4).await;
    let assignment = Assignment {
        session_id: "one".into(),
        account_id: plane.account.to_string(),
        lease_milliseconds: 240_000,
        models: vec![],
        owner: Some(token::Owner { person: None, name: "account key".into() }),
        private: false,
    };
    assert_eq!((&host.assignment, host.size.as_str()), (&Some(assignment), "Standard"));
    assert_eq!((host.start_milliseconds_max, host.primitives_max), (30_000, Some(20_000_000)));
    assert_eq!(host.token_public_key_pem, plane.tokens.public_key_pem());
}
