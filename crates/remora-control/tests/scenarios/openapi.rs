//! Compares the OpenAPI documents with the API in both directions. Every other scenario checks its responses against
//! the documents.

use std::collections::BTreeSet;

use remora_control::OPENAPI_DOCUMENTS;
use remora_session::{LeaseMinutes, SessionId, Size};
use serde_json::{Value, json};

use crate::support::contract::{Contract, contracts};
use crate::support::plane::Plane;

const METHODS: [&str; 5] = ["GET", "PUT", "PATCH", "POST", "DELETE"];
/// The sources of each document's routers, and the paths in them that no document describes.
const ROUTERS: [(&str, &[&str]); 3] = [
    ("2021-01-01.json", &[include_str!("../../src/api/v2021_01_01/mod.rs")]),
    ("v1.json", &[include_str!("../../src/api/v1/mod.rs")]),
    ("accounts.json", &[include_str!("../../src/api/usage.rs"), include_str!("../../src/api/ice_servers.rs")]),
];
/// Matched in any case, so it is not a route of a router.
const TOKEN: &str = "/accounts/{account_id}/token";

fn contract(name: &str) -> &'static Contract {
    contracts().iter().find(|contract| contract.name == name).expect("one of the documents")
}

#[tokio::test]
async fn the_documents_are_public() {
    let plane = Plane::start().await;
    let index = plane.send("GET", "/openapi", &[], "").await;
    assert_eq!(index.status, 200);
    let listed: Vec<String> = serde_json::from_value(index.json()["documents"].clone()).unwrap();
    assert_eq!(listed, OPENAPI_DOCUMENTS.map(|(name, _)| format!("/openapi/{name}")));
    for (name, text) in OPENAPI_DOCUMENTS {
        let answer = plane.send("GET", &format!("/openapi/{name}"), &[], "").await;
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/json; charset=utf-8")));
        assert!(answer.body == text, "{name} is not the document in the repository");
    }
}

#[test]
fn routes_and_documents_have_the_same_paths() {
    for (document, sources) in ROUTERS {
        let literals = sources
            .iter()
            .flat_map(|source| source.split('"').skip(1).step_by(2))
            .filter(|text| text.contains("/accounts/{account}") && !text.contains('?'));
        let routed: BTreeSet<String> = literals
            .map(|path| {
                path.trim_end_matches('/').replace("{account}", "{account_id}").replace("{session}", "{session_id}")
            })
            .collect();
        let paths = contract(document).paths().map(|(path, _)| path.clone()).filter(|path| path != TOKEN);
        assert_eq!(routed, paths.collect(), "{document}");
    }
}

#[tokio::test]
async fn routes_and_documents_have_the_same_methods() {
    let plane = Plane::start().await;
    let authorization = format!("Bearer {}", plane.token);
    for contract in contracts() {
        for (template, operations) in contract.paths() {
            let path = template.replace("{account_id}", plane.account.as_str()).replace("{session_id}", "none");
            let target = format!("{path}?api-version=2021-01-01");
            for method in METHODS {
                let answer = plane.send(method, &target, &[("Authorization", &authorization)], "").await;
                let documented = operations.get(method.to_lowercase()).is_some();
                // A session may be named like the last word of the path for a create.
                let is_name = template.ends_with("/create") && ["PATCH", "DELETE"].contains(&method);
                assert_eq!(answer.status != 405, documented || is_name, "{method} {template}: {answer:?}");
                if answer.status == 405 {
                    assert!(answer.header("Allow").is_some(), "{method} {template}: {answer:?}");
                }
            }
        }
    }
}

#[test]
fn documents_have_the_limits_of_the_code() {
    let sizes = json!(Size::ALL.map(Size::as_str));
    let ids = format!("^[A-Za-z0-9_-]{{1,{}}}$", SessionId::LENGTH_MAX);
    for name in ["2021-01-01.json", "v1.json"] {
        assert_eq!(contract(name).document["components"]["parameters"]["session"]["schema"]["pattern"], ids, "{name}");
    }
    let later = contract("2021-01-01.json");
    for name in ["CreateSessionSettings", "UpdateSessionSettings", "SessionProperties"] {
        let lease = &later.schema(name)["properties"]["maxLeaseTimeMinutes"];
        assert_eq!((&lease["minimum"], &lease["maximum"]), (&json!(0), &json!(LeaseMinutes::MAX.get())), "{name}");
    }
    assert_eq!(later.schema("CreateSessionSettings")["properties"]["size"]["enum"], sizes);
    assert_eq!(contract("v1.json").schema("SessionProperties")["properties"]["sessionSize"]["enum"], sizes);
}

/// A property that never occurs in a response would be an empty promise.
#[tokio::test]
async fn every_documented_property_of_a_session_occurs() {
    let plane = Plane::start().await;
    let host = plane.create_ready("one", 4).await;
    let authorization = format!("Bearer {}", plane.token);
    let v1 = format!("/v1/accounts/{}/sessions/one/properties", plane.account);
    let mut later = vec![plane.call("GET", "/sessions/one", "").await.json()];
    let first = plane.send("GET", &v1, &[("Authorization", &authorization)], "").await.json();
    plane.report(&host, remora_protocol::link::HostState::Failed { why: "the device was lost".into() }).await;
    later.push(plane.call("GET", "/sessions/one", "").await.json());
    let names = |bodies: &[Value]| -> BTreeSet<String> {
        bodies.iter().flat_map(|body| body.as_object().unwrap().keys().cloned()).collect()
    };
    let documented = |name| names(std::slice::from_ref(&contract(name).schema("SessionProperties")["properties"]));
    assert_eq!(names(&later), documented("2021-01-01.json"));
    assert_eq!(names(&[first]), documented("v1.json"));
}

#[test]
fn undocumented_content_is_noticed() {
    let contract = contract("2021-01-01.json");
    let good = json!({
        "id": "a", "creationTime": "t", "elapsedTimeMinutes": 0, "maxLeaseTimeMinutes": 4, "size": "Standard",
        "status": "Ready",
    });
    let schema = contract.schema("SessionProperties");
    assert_eq!(contract.validate(schema, &good), Ok(()));
    for (name, value) in [
        ("status", json!("Stopping")),
        ("hostname", json!(null)),
        ("handshakePort", json!(0)),
        ("maxLeaseTimeMinutes", json!("4")),
        ("surprise", json!(1)),
        ("error", json!({"code": "x"})),
    ] {
        let mut changed = good.clone();
        changed[name] = value;
        assert!(contract.validate(schema, &changed).is_err(), "{changed}");
    }
}
