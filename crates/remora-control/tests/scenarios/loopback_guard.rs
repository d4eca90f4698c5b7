use crate::support::plane::{Plane, SECRET};

#[tokio::test]
async fn the_loopback_listener_refuses_pages_of_other_origins() {
    let plane = Plane::start().await;
    let own = format!("localhost:{}", plane.loopback_port());
    let own_origin = format!("http://{own}");
    let body = format!(r#"{{"secret":"{SECRET}"}}"#);
    let authorization = format!("Bearer {}", plane.token);
    let sessions = plane.path("/sessions");
    let requests = [("GET", "/", ""), ("POST", "/portal/sign-in", body.as_str()), ("GET", sessions.as_str(), "")];
    for (method, target, body) in requests {
        for (code, mut headers) in [
            ("Forbidden", vec![("Host", "evil.example")]),
            ("Forbidden", vec![("Host", "localhost")]),
            ("OriginNotAllowed", vec![("Host", own.as_str()), ("Origin", "https://evil.example")]),
            ("OriginNotAllowed", vec![("Host", own.as_str()), ("Origin", "null")]),
        ] {
            headers.push(("Authorization", &authorization));
            let answer = plane.send_to_loopback(method, target, &headers, body).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, code), "{target} {headers:?}");
            assert!(answer.json()["error"]["message"].as_str().unwrap().len() > 20, "a sentence");
        }
        let headers = [("Host", own.as_str()), ("Origin", own_origin.as_str()), ("Authorization", &authorization)];
        assert_eq!(plane.send_to_loopback(method, target, &headers, body).await.status, 200, "{target}");
    }
}
