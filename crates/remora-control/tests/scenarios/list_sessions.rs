use std::time::Duration;

use crate::support::plane::Plane;

fn ids(answer: &serde_json::Value) -> Vec<&str> {
    answer["sessions"].as_array().unwrap().iter().map(|session| session["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_empty_list_has_no_next_link() {
    let plane = Plane::start().await;
    let answer = plane.call("GET", "/sessions", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"sessions":[]}"#));
}

#[tokio::test]
async fn only_live_sessions_are_listed() {
    let plane = Plane::start().await;
    plane.create_ready("one", 4).await;
    plane.create("two", 4).await;
    plane.call("POST", "/sessions/one/:stop", "").await;
    let answer = plane.call("GET", "/sessions", "").await.json();
    assert_eq!(ids(&answer), ["two"]);
    assert_eq!(answer["sessions"][0], plane.call("GET", "/sessions/two", "").await.json());
}

#[tokio::test]
async fn a_session_whose_lease_is_over_is_not_listed_even_before_it_is_stored() {
    let plane = Plane::start().await.without_loop().await;
    let host = plane.create_unlaunched("one").await;
    plane.report(&host, crate::support::plane::ready()).await;
    plane.pass_with_reports(&host, Duration::from_secs(239)).await;
    assert_eq!(ids(&plane.call("GET", "/sessions", "").await.json()), ["one"]);
    plane.hand.advance(Duration::from_secs(1));
    assert!(ids(&plane.call("GET", "/sessions", "").await.json()).is_empty());
}

#[tokio::test]
async fn long_lists_go_on_under_an_absolute_link_that_needs_nothing_added() {
    let plane = Plane::start().await;
    for id in ["e", "d", "c", "b", "a"] {
        plane.create(id, 4).await;
        plane.hand.advance(Duration::from_millis(1));
    }
    let authorization = format!("Bearer {}", plane.token);
    let (mut listed, mut pages) = (Vec::new(), 1);
    let mut page = plane.call("GET", "/sessions", "").await.json();
    loop {
        listed.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(link) = page.get("@nextLink").cloned() else {
            break;
        };
        let link = link.as_str().unwrap();
        assert!(!link.contains(['{', '}']), "{link}");
        let target = link.strip_prefix(&format!("https://{}", plane.host())).expect("the host that was asked");
        page = plane.send("GET", target, &[("Authorization", &authorization)], "").await.json();
        pages += 1;
    }
    assert_eq!((listed, pages), (["e", "d", "c", "b", "a"].map(str::to_owned).to_vec(), 3));
}

#[tokio::test]
async fn a_made_up_continuation_is_refused() {
    let plane = Plane::start().await;
    for continuation in ["x", "", "AAAA", "%00"] {
        let answer = plane.call("GET", &format!("/sessions?continuation={continuation}"), "").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "BadRequest"), "{continuation}");
    }
}
