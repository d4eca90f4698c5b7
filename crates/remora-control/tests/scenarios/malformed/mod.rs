//! Malformed requests. Each is refused with the reason and changes nothing.

mod bodies;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use remora_control::{Tokens, new_account_id, new_private_key_pem};
use remora_protocol::token::Role;
use remora_session::Timestamp;

use crate::support::contract;
use crate::support::plane::{Plane, START};

/// Expected content of the response beside its status.
#[derive(Clone, Copy, Debug)]
enum Says {
    Nothing,
    /// All of these texts are in the body.
    All(&'static [&'static str]),
}

struct Case {
    method: &'static str,
    target: String,
    authorization: Option<String>,
    body: Vec<u8>,
    status: u16,
    says: Says,
}

const LEASE: Says = Says::All(&["maxLeaseTimeMinutes", "1440"]);
const SIZE: Says = Says::All(&["size", "Standard or Premium"]);
const OBJECT: Says = Says::All(&["JSON object"]);
const SPAN: Says = Says::All(&["maxLeaseTime", "It takes"]);
const V1_SIZE: Says = Says::All(&["size", "standard or small, premium or big"]);
const MODELS: Says = Says::All(&["models", "up to 64 addresses"]);
const NO_PATH: Says = Says::All(&["nothing under this path"]);

/// Starts a plane with a session of four minutes, which no request may change.
async fn plane() -> Plane {
    let plane = Plane::start().await.without_loop().await;
    plane.create_unlaunched("one").await;
    plane
}

/// Sends all requests and returns their number.
async fn refused(plane: &Plane, cases: Vec<Case>) -> usize {
    let before = plane.store.any_live_sessions(100).await.unwrap();
    let accounts = plane.store.accounts(None, 100).await.unwrap();
    let mut flaws = Vec::new();
    for Case { method, target, authorization, body, status, says } in &cases {
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            plane.host(),
            body.len()
        );
        if let Some(authorization) = authorization {
            request += &format!("Authorization: {authorization}\r\n");
        }
        let answer = plane.send_raw(&[request.as_bytes(), b"\r\n", body].concat()).await;
        contract::check(method, target, &answer);
        let said = match says {
            Says::Nothing => answer.body.is_empty(),
            Says::All(parts) => answer.json().is_object() && parts.iter().all(|part| answer.body.contains(part)),
        };
        if answer.status != *status || !said || answer.header("MS-CV").is_none() {
            let shown = String::from_utf8_lossy(&body[..body.len().min(100)]);
            let (code, text) = (answer.status, &answer.body);
            flaws.push(format!("{method} {target} {shown}: {code} {text}, not {status} {says:?}"));
        }
    }
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
    assert_eq!(plane.store.any_live_sessions(100).await.unwrap(), before);
    assert_eq!(plane.store.accounts(None, 100).await.unwrap(), accounts);
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
    cases.len()
}

struct Authorised<'a>(&'a Plane);

impl Authorised<'_> {
    fn case(&self, method: &'static str, target: &str, body: impl Into<Vec<u8>>, status: u16, says: Says) -> Case {
        let authorization = Some(format!("Bearer {}", self.0.token));
        Case { method, target: target.to_owned(), authorization, body: body.into(), status, says }
    }

    fn create(&self, body: impl Into<Vec<u8>>, says: Says) -> Case {
        self.case("PUT", &self.0.path("/sessions/new"), body, 400, says)
    }

    fn update(&self, body: impl Into<Vec<u8>>, says: Says) -> Case {
        self.case("PATCH", &self.0.path("/sessions/one"), body, 422, says)
    }

    fn v1(&self, method: &'static str, target: &str, body: impl Into<Vec<u8>>, status: u16, says: Says) -> Case {
        self.case(method, &format!("/v1/accounts/{}{target}", self.0.account), body, status, says)
    }

    fn v1_create(&self, body: impl Into<Vec<u8>>, says: Says) -> Case {
        self.v1("POST", "/sessions/create", body, 400, says)
    }
}

/// Escapes bytes for a path.
const NO_IDS: [&str; 17] = [
    "a%20b",
    "a.b",
    "%C3%A4",
    "a%2Fb",
    "%F0%9F%92%A9",
    "%00",
    "..%2F..",
    "%2e%2e",
    "a+b",
    "a;b",
    "a,b",
    "a~b",
    "a%0d%0ab",
    "$x",
    "a'b",
    "a%22b",
    "a%3Ab",
];

#[tokio::test]
async fn malformed_ids_paths_and_queries_are_refused() {
    let plane = plane().await;
    let by = Authorised(&plane);
    let good = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
    let long = "x".repeat(257);
    let mut cases = Vec::new();
    for id in NO_IDS.into_iter().chain([long.as_str()]) {
        let says = Says::All(&["session_id", "1 to 256 letters, digits, hyphens and underscores"]);
        cases.push(by.case("PUT", &plane.path(&format!("/sessions/{id}")), good, 400, says));
        let says = Says::All(&["SessionNotFound", "session_id"]);
        cases.push(by.case("GET", &plane.path(&format!("/sessions/{id}")), "", 404, says));
        cases.push(by.case("POST", &plane.path(&format!("/sessions/{id}/:stop")), "", 404, says));
        let says = Says::All(&["no session with the id"]);
        cases.push(by.v1("GET", &format!("/sessions/{id}/properties"), "", 404, says));
        cases.push(by.v1("DELETE", &format!("/sessions/{id}"), "", 404, says));
    }
    for not_text in ["%FF", "%C3%28"] {
        let target = format!("/sessions/{not_text}");
        let says = Says::All(&["session_id", "1 to 256 letters, digits, hyphens and underscores"]);
        cases.push(by.case("PUT", &plane.path(&target), good, 400, says));
        cases.push(by.case("GET", &plane.path(&target), "", 404, Says::All(&["SessionNotFound"])));
        cases.push(by.v1("DELETE", &target, "", 404, Says::All(&["no session with the id"])));
    }
    let account = plane.account.clone();
    for path in [
        "//accounts/A/sessions",
        "/accounts/A/sessions/",
        "/accounts/A/sessions/one/",
        "/accounts/A/sessions/one/stop",
        "/accounts/A/sessions/one/:start",
        "/accounts/A/Sessions",
        "/ACCOUNTS/A/sessions",
        "/accounts/A/sessions%2Fone",
        "/accounts/A/sessions/../sessions/one/x",
        "/accounts/A/",
        "/v1",
        "/v1/",
        "/v2/accounts/A/sessions",
        "/v1/accounts/A/sessions/one/properties/x",
        "/v1/accounts/A/sessions/one/:stop",
        "/v1/../accounts/A/sessions",
        "/hosts",
        "/openapi/",
        "/openapi/v2.json",
        "/accounts/A/token/",
        "/accounts/A/token/x",
    ] {
        let target = format!("{}?api-version=2021-01-01", path.replace("/A/", &format!("/{account}/")));
        cases.push(by.case("GET", &target, "", 404, NO_PATH));
    }
    for method in ["DELETE", "POST", "TRACE", "CONTROL"] {
        cases.push(by.case(method, &plane.path("/sessions/one"), "", 405, Says::All(&["MethodNotAllowed", "Allow"])));
        let method = if method == "DELETE" { "PUT" } else { method };
        cases.push(by.v1(method, "/sessions/one", "", 405, Says::All(&["Allow"])));
    }
    for (query, code) in [
        ("", "ApiVersionUnspecified"),
        ("?", "ApiVersionUnspecified"),
        ("?api-version", "UnsupportedApiVersion"),
        ("?api-version=", "UnsupportedApiVersion"),
        ("?api-version=1", "UnsupportedApiVersion"),
        ("?api-version=2021-08-02-preview", "UnsupportedApiVersion"),
        ("?apiversion=2021-01-01", "ApiVersionUnspecified"),
        ("?api-version=2021-01-01%20", "UnsupportedApiVersion"),
        ("?api-version=%FF", "UnsupportedApiVersion"),
        ("?api-version=2021-01-01&api-version=2021-01-01-preview", "AmbiguousApiVersion"),
    ] {
        let target = format!("/accounts/{account}/sessions/one{query}");
        let mut case = by.case("GET", &target, "", 400, Says::All(&["api-version=2021-01-01-preview or 2021-01-01"]));
        case.says = match code {
            "ApiVersionUnspecified" => Says::All(&["ApiVersionUnspecified", "api-version"]),
            "UnsupportedApiVersion" => Says::All(&["UnsupportedApiVersion", "api-version"]),
            _ => Says::All(&["AmbiguousApiVersion", "api-version"]),
        };
        cases.push(case);
    }
    for continuation in ["", "x", "AAAA", "%00", "NS5h%0A", "{0}", "-1.a", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkuYQ"] {
        let says = Says::All(&["continuation"]);
        cases.push(by.case("GET", &plane.path(&format!("/sessions?continuation={continuation}")), "", 400, says));
        let usage = format!("/accounts/{account}/usage?continuation={continuation}");
        cases.push(by.case("GET", &usage, "", 400, says));
    }
    for query in ["from=x", "from=", "to=2024-02-30", "from=2024-05-02T25:00:00Z", "to=1e3", "from=-1", "to=%FF"] {
        let says = Says::All(&["parameter", "2026-11-01"]);
        cases.push(by.case("GET", &format!("/accounts/{account}/usage?{query}"), "", 400, says));
    }
    let count = refused(&plane, cases).await;
    assert!(count >= 140, "{count}");
}

#[tokio::test]
async fn malformed_tokens_and_keys_are_refused() {
    let plane = plane().await;
    let endpoints = |account: &str| {
        let second = |target: &str| format!("/accounts/{account}{target}?api-version=2021-01-01");
        let first = |target: &str| format!("/v1/accounts/{account}{target}");
        [
            ("PUT", second("/sessions/new")),
            ("GET", second("/sessions/one")),
            ("PATCH", second("/sessions/one")),
            ("POST", second("/sessions/one/:stop")),
            ("GET", second("/sessions")),
            ("GET", second("/usage")),
            ("POST", first("/sessions/create")),
            ("GET", first("/sessions/one/properties")),
            ("PATCH", first("/sessions/one")),
            ("DELETE", first("/sessions/one")),
            ("GET", first("/sessions")),
        ]
    };
    let long_ago = Timestamp::from_milliseconds(START.as_milliseconds() - 25 * 60 * 60 * 1_000);
    let stranger = Tokens::new(&new_private_key_pem().unwrap()).unwrap();
    let parts: Vec<&str> = plane.token.split('.').collect();
    let unsigned = |algorithm: &str| format!("{}.{}", URL_SAFE_NO_PAD.encode(algorithm), parts[1]);
    let other_claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"{}","exp":99999999999}}"#, plane.account));
    let tokens = [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        "Bearer x".into(),
        "Bearer a.b.c".into(),
        "Bearer ..".into(),
        plane.token.clone(),
        format!("Basic {}", plane.token),
        format!("Bearer {}:{}", plane.account, plane.key),
        format!("Bearer {}", plane.tokens.issue(&plane.account, Role::Administrator, long_ago)),
        format!("Bearer {}", stranger.issue(&plane.account, Role::Administrator, START)),
        format!("Bearer {}.", unsigned(r#"{"alg":"none"}"#)),
        format!("Bearer {}.{}", unsigned(r#"{"alg":"HS256"}"#), parts[2]),
        format!("Bearer {}.{}", unsigned(r#"{"alg":"RS512","typ":"JWT"}"#), parts[2]),
        format!("Bearer {}.{other_claims}.{}", parts[0], parts[2]),
        format!("Bearer {}", &plane.token[..plane.token.len() - 2]),
        format!("Bearer {}.{}", parts[0], parts[1]),
        format!("Bearer {} x", plane.token),
        format!("Bearer {}", "a".repeat(8_000)),
    ];
    let mut cases = Vec::new();
    for (method, target) in endpoints(plane.account.as_str()) {
        for token in &tokens {
            let (target, authorization) = (target.clone(), Some(token.clone()));
            cases.push(Case { method, target, authorization, body: vec![], status: 401, says: Says::Nothing });
        }
    }
    let foreign = format!("Bearer {}", plane.tokens.issue(&new_account_id(), Role::Administrator, START));
    for (method, target) in endpoints(plane.account.as_str()) {
        let authorization = Some(foreign.clone());
        cases.push(Case { method, target, authorization, body: vec![], status: 403, says: Says::Nothing });
    }
    for account in ["11111111-2222-3333-4444-555555555555", "", "no-guid", "%00", "..%2F", "*", "%FF"] {
        for (method, target) in endpoints(account) {
            let authorization = Some(format!("Bearer {}", plane.token));
            cases.push(Case { method, target, authorization, body: vec![], status: 403, says: Says::Nothing });
        }
    }
    let (account, key) = (&plane.account, &plane.key);
    for credentials in [
        format!("{account}:"),
        format!(":{key}"),
        key.clone(),
        format!("{account}:{}", &key[1..]),
        format!("{account}:{key}x"),
        format!("{account} {key}"),
        format!("{}:{key}", new_account_id()),
        plane.token.clone(),
        "a.b.c".into(),
        ":".into(),
    ] {
        let target = format!("/accounts/{account}/token");
        let authorization = Some(format!("Bearer {credentials}"));
        cases.push(Case { method: "GET", target, authorization, body: vec![], status: 401, says: Says::Nothing });
    }
    let count = refused(&plane, cases).await;
    assert!(count >= 290, "{count}");
}

#[tokio::test]
async fn incomplete_bodies_and_malformed_headers_are_refused() {
    let plane = plane().await;
    let before = plane.store.any_live_sessions(100).await.unwrap();
    let large = format!(r#"{{"maxLeaseTimeMinutes":4,"size":"Standard","x":"{}"}}"#, "x".repeat(64 * 1_024));
    let by = Authorised(&plane);
    let too_large = Says::All(&["65536 bytes"]);
    let cases = vec![
        by.case("PUT", &plane.path("/sessions/new"), large.clone(), 413, too_large),
        by.case("PATCH", &plane.path("/sessions/one"), large.clone(), 413, too_large),
        by.v1("POST", "/sessions/create", large.clone(), 413, too_large),
        by.v1("PATCH", "/sessions/one", large, 413, too_large),
    ];
    refused(&plane, cases).await;
    let put =
        format!("PUT {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n", plane.path("/sessions/new"), plane.token);
    let body = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
    let many = "X: 1\r\n".repeat(100);
    for (request, status) in [
        (format!("{put}Content-Length: x\r\n\r\n{body}"), 400),
        (format!("{put}Content-Length: -1\r\n\r\n{body}"), 400),
        (format!("{put}Content-Length: 5\r\nContent-Length: 43\r\n\r\n{body}"), 400),
        (format!("{put}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n{body}\r\n0\r\n\r\n"), 413),
        (format!("{put}no colon\r\n\r\n"), 400),
        (format!("{put}A\u{0}: b\r\n\r\n"), 400),
        (format!("{put}{many}\r\n"), 431),
        (format!("{put}X: {}\r\n\r\n", "x".repeat(64 * 1_024)), 431),
        (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(70_000)), 431),
        ("GET / HTTP/9.9\r\nHost: x\r\n\r\n".into(), 400),
        ("G\u{0}T / HTTP/1.1\r\nHost: x\r\n\r\n".into(), 400),
        ("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n".into(), 400),
        ("GARBAGE\r\n\r\n".into(), 400),
    ] {
        let answer = plane.send_raw(request.as_bytes()).await;
        assert_eq!(answer.status, status, "{}: {answer:?}", &request[..request.len().min(300)]);
    }
    assert_eq!(plane.store.any_live_sessions(100).await.unwrap(), before);
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
}
