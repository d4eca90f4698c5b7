//! The handshake server with a backend that takes one client, called over real sockets.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use remora_protocol::{
    cors::OriginResponse,
    handshake::{OFFER_BYTES_MAX, RESUME_HEADER},
    link::{Assignment, Exclusive, HostSpec, HostStart, PORTS, Placement},
    origins::Origins,
};
use tokio::sync::watch;

use super::*;
use crate::token::tests::{ACCOUNT, Signer, person};

const ORIGIN: &str = "http://localhost:8080";
const FAR_FUTURE: u64 = 4_000_000_000;

/// Answers the first offer; the second finds the session in use.
#[derive(Default)]
struct OneClient {
    taken: AtomicUsize,
    offers: Mutex<Vec<String>>,
    /// The host was asked to ask for its session.
    asked: AtomicBool,
    /// Assigns a waiting host its session as soon as it asks.
    answer: Mutex<Option<watch::Sender<Option<Arc<Assignment>>>>>,
}

impl HandshakeBackend for Arc<OneClient> {
    fn answer(&self, offer: &str) -> Result<String, OfferRejection> {
        if !offer.starts_with("v=0") {
            return Err(OfferRejection::BadOffer("the body is not an SDP offer".into()));
        }
        self.offers.lock().expect("no test panics with it").push(offer.to_owned());
        match self.taken.fetch_add(1, Ordering::SeqCst) {
            0 => Ok("v=0 answer".into()),
            _ => Err(OfferRejection::InUse),
        }
    }

    fn inspect(&self) -> String {
        "{\"frames\":1}".into()
    }

    fn ask_for_session(&self) {
        self.asked.store(true, Ordering::SeqCst);
        if let Some(answer) = self.answer.lock().expect("no test panics with it").take() {
            answer.send_replace(Some(Arc::new(assignment())));
        }
    }
}

fn assignment() -> Assignment {
    let (session_id, account_id) = ("session".into(), ACCOUNT.into());
    Assignment { session_id, account_id, lease_milliseconds: 1000, models: vec![], owner: None, private: false }
}

struct TestServer {
    handshake: u16,
    inspector: u16,
    signer: Signer,
    ca_pem: String,
    backend: Arc<OneClient>,
    holder: Arc<Holder>,
}

impl TestServer {
    fn open() -> Self {
        Self::open_for(Some(assignment()), Exclusive::UntilDisconnect)
    }

    fn open_for(assignment: Option<Assignment>, exclusive: Exclusive) -> Self {
        let signer = Signer::new();
        let key = rcgen::KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate =
            rcgen::CertificateParams::new(names).and_then(|params| params.self_signed(&key)).expect("a certificate");
        let start = HostStart {
            spec: HostSpec {
                host_id: "host".into(),
                secret: "secret".into(),
                control_ca_pem: String::new(),
                size: "Standard".into(),
                assignment: None,
                token_public_key_pem: signer.public_key_pem.clone(),
                allowed_origins: Origins::parse([ORIGIN, "https://*.example.com"]).expect("origins"),
                remote_models: Default::default(),
                adapter: None,
                primitives_max: None,
                rendering: Default::default(),
                fence: Default::default(),
                exclusive,
                json_logs: false,
                start_milliseconds_max: 1000,
            },
            placement: Placement {
                control_urls: vec!["https://localhost:1".into()],
                hostname: "localhost".into(),
                listen_address: [127, 0, 0, 1].into(),
                certificate_pem: certificate.pem(),
                certificate_key_pem: key.serialize_pem(),
                model_files: vec![],
                media: Default::default(),
                scratch_directory: None,
                cache_directory: None,
            },
        };
        let backend = Arc::new(OneClient::default());
        let holder = Arc::new(Holder::new(exclusive));
        let (session, assigned) = watch::channel(assignment.map(Arc::new));
        *backend.answer.lock().expect("no test panics with it") = Some(session);
        let (ports, opened) = std::sync::mpsc::channel();
        let (server_backend, server_holder) = (Box::new(backend.clone()), holder.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an event loop");
            runtime.block_on(async {
                let server = HandshakeServer::open(&start, 77, assigned, server_holder, server_backend)
                    .await
                    .expect("free ports");
                ports.send(server.ports().expect("bound")).expect("the test waits");
                server.serve().await;
            });
        });
        let (handshake, inspector) = opened.recv().expect("the server opens");
        Self { handshake, inspector, signer, ca_pem: certificate.pem(), backend, holder }
    }

    fn good_token(&self) -> String {
        format!("Bearer {}", self.signer.token(ACCOUNT, FAR_FUTURE))
    }

    /// Returns status, body, and the value of Access-Control-Allow-Origin.
    fn post(&self, headers: &[(&str, &str)], offer: &[u8]) -> (u16, String, Option<String>) {
        self.send(&format!("http://127.0.0.1:{}/connection", self.handshake), headers, offer)
    }

    fn send(&self, url: &str, headers: &[(&str, &str)], offer: &[u8]) -> (u16, String, Option<String>) {
        let mut response = self.answer(url, headers, offer);
        let allowed = response.headers().get("access-control-allow-origin");
        let allowed = allowed.map(|value| value.to_str().expect("ASCII").to_owned());
        (response.status().as_u16(), response.body_mut().read_to_string().expect("text"), allowed)
    }

    fn answer(&self, url: &str, headers: &[(&str, &str)], offer: &[u8]) -> http::Response<ureq::Body> {
        let mut request = agent(&self.ca_pem).post(url).content_type("application/sdp");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send(offer).expect("an answer")
    }
}

fn agent(ca_pem: &str) -> ureq::Agent {
    let ca = ureq::tls::Certificate::from_pem(ca_pem.as_bytes()).expect("a certificate");
    let tls = ureq::tls::TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(ureq::tls::RootCerts::new_with_certs(&[ca]))
        .build();
    ureq::Agent::config_builder().http_status_as_error(false).tls_config(tls).build().new_agent()
}

#[test]
fn both_ports_are_in_the_range_and_differ() {
    let server = TestServer::open();
    assert!(PORTS.contains(&server.handshake) && PORTS.contains(&server.inspector));
    assert_ne!(server.handshake, server.inspector);
}

#[test]
fn one_client_is_admitted_and_the_second_is_told_that_the_session_is_in_use() {
    let server = TestServer::open();
    let token = server.good_token();
    let headers = [("Authorization", token.as_str()), ("Origin", ORIGIN)];
    let (status, body, allowed) = server.post(&headers, b"v=0 offer");
    assert_eq!((status, body.as_str(), allowed.as_deref()), (201, "v=0 answer", Some(ORIGIN)));
    let (status, body, allowed) = server.post(&headers, b"v=0 offer");
    assert_eq!((status, allowed.as_deref()), (409, Some(ORIGIN)));
    assert!(body.contains("\"SessionInUse\"") && body.contains("in use by another client"), "{body}");
}

#[test]
fn a_host_without_a_session_asks_for_it_and_admits_the_client() {
    let server = TestServer::open_for(None, Exclusive::UntilDisconnect);
    let forged = format!("Bearer {}", Signer::new().token(ACCOUNT, FAR_FUTURE));
    assert_eq!(server.post(&[("Authorization", &forged)], b"v=0 offer").0, 401);
    assert!(!server.backend.asked.load(Ordering::SeqCst), "strangers cause no report");
    let token = server.good_token();
    let (status, body, _) = server.post(&[("Authorization", &token)], b"v=0 offer");
    assert_eq!((status, body.as_str()), (201, "v=0 answer"));
    assert!(server.backend.asked.load(Ordering::SeqCst));
}

#[test]
fn a_private_session_admits_no_other_client_of_the_account() {
    let private = Assignment { owner: Some(person("ann")), private: true, ..assignment() };
    let server = TestServer::open_for(Some(private), Exclusive::UntilDisconnect);
    let of = |subject| format!("Bearer {}", server.signer.token_of(subject, ACCOUNT, FAR_FUTURE));
    let (ann, bob) = (of("ann"), of("bob"));
    let (status, body, _) = server.post(&[("Authorization", &bob)], b"v=0 offer");
    assert!(status == 403 && body.contains("this session is private"), "{status} {body}");
    let inspect = |token: &str| {
        let url = format!("http://127.0.0.1:{}/", server.inspector);
        agent(&server.ca_pem).get(&url).header("Authorization", token).call().expect("an answer").status().as_u16()
    };
    assert_eq!((inspect(&bob), inspect(&ann)), (403, 200));
    assert!(server.backend.offers.lock().expect("no test panics with it").is_empty());
    assert_eq!(server.post(&[("Authorization", &ann)], b"v=0 offer").0, 201);
    assert_eq!(
        server.post(&[("Authorization", &server.good_token())], b"v=0 offer").0,
        409,
        "an Administrator is admitted"
    );
}

#[test]
fn until_stop_only_the_client_that_was_connected_can_return() {
    let server = TestServer::open_for(Some(assignment()), Exclusive::UntilStop);
    let token = server.good_token();
    let offer = |resume: Option<&str>| {
        let mut headers = vec![("Authorization", token.as_str()), ("Origin", ORIGIN)];
        headers.extend(resume.map(|secret| (RESUME_HEADER, secret)));
        let answer =
            server.answer(&format!("http://127.0.0.1:{}/connection", server.handshake), &headers, b"v=0 offer");
        server.backend.taken.store(0, Ordering::SeqCst);
        let secret = answer.headers().get(RESUME_HEADER).map(|secret| secret.to_str().expect("ASCII").to_owned());
        (answer.status().as_u16(), secret)
    };
    let (status, secret) = offer(None);
    let secret = secret.expect("a secret to come back with");
    assert_eq!(status, 201);
    server.holder.connected();
    assert_eq!(offer(None), (409, None), "no client is connected, and still the session is another client's");
    assert_eq!(offer(Some("guessed")), (409, None));
    assert_eq!(offer(Some(&secret)), (201, Some(secret.clone())));
}

#[test]
fn the_same_port_accepts_tls() {
    let server = TestServer::open();
    let token = server.good_token();
    let url = format!("https://localhost:{}/connection", server.handshake);
    let (status, body, _) = server.send(&url, &[("Authorization", &token)], b"v=0 offer");
    assert_eq!((status, body.as_str()), (201, "v=0 answer"));
}

#[test]
fn a_request_without_a_valid_token_is_refused() {
    let server = TestServer::open();
    let expired = format!("Bearer {}", server.signer.token(ACCOUNT, 1_000));
    let foreign = format!("Bearer {}", server.signer.token("aaaaaaaa-2222-3333-4444-555555555555", FAR_FUTURE));
    let forged = format!("Bearer {}", Signer::new().token(ACCOUNT, FAR_FUTURE));
    for (token, status, says) in [
        (expired.as_str(), 401, "expired"),
        (forged.as_str(), 401, "not one of this service"),
        ("Bearer nonsense", 401, "not one of this service"),
        ("", 401, "no access token"),
        (foreign.as_str(), 403, "another account"),
    ] {
        let (found, body, _) = server.post(&[("Authorization", token)], b"v=0 offer");
        assert_eq!(found, status, "{body}");
        assert!(body.contains(says), "{body}");
    }
    assert!(server.backend.offers.lock().expect("no panic").is_empty());
}

#[test]
fn pages_of_other_origins_and_other_names_are_refused() {
    let server = TestServer::open();
    let token = server.good_token();
    let (status, body, allowed) =
        server.post(&[("Authorization", &token), ("Origin", "http://evil.example")], b"v=0 offer");
    assert_eq!((status, allowed), (403, None));
    assert!(body.contains("http://evil.example") && body.contains("listen.origins"), "{body}");
    let (status, body, _) = server.post(&[("Authorization", &token), ("Host", "rebound.example:80")], b"v=0 offer");
    assert_eq!(status, 403, "{body}");
    assert!(server.backend.offers.lock().expect("no panic").is_empty());
}

#[test]
fn a_preflight_lists_the_headers_that_allowed_pages_may_send() {
    let server = TestServer::open();
    let url = format!("http://127.0.0.1:{}/connection", server.handshake);
    let preflight = |origin: &str| {
        let request = http::Request::options(&url)
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization,remora-resume")
            .body(())
            .expect("a request");
        agent(&server.ca_pem).run(request).expect("an answer")
    };
    let answer = preflight("https://app.example.com");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["access-control-allow-origin"]),
        (204, &"https://app.example.com".parse().expect("ASCII"))
    );
    let headers = answer.headers()["access-control-allow-headers"].to_str().expect("ASCII");
    assert!(headers.contains("authorization") && headers.contains(RESUME_HEADER), "{headers}");
    let answer = preflight("https://example.com");
    assert_eq!((answer.status().as_u16(), answer.headers().get("access-control-allow-origin")), (403, None));
}

#[test]
fn every_page_can_ask_whether_its_origin_is_allowed() {
    let server = TestServer::open();
    for (origin, allowed) in [(ORIGIN, true), ("https://app.example.com", true), ("https://example.com", false)] {
        let url = format!("https://localhost:{}/origin", server.handshake);
        let mut answer = agent(&server.ca_pem).get(url).header("Origin", origin).call().expect("an answer");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        let said: OriginResponse = answer.body_mut().read_json().expect("JSON");
        assert_eq!(said, OriginResponse { origin: Some(origin.into()), allowed });
    }
}

#[test]
fn bad_offers_are_refused_with_a_reason_and_the_session_stays_free() {
    let server = TestServer::open();
    let token = server.good_token();
    let headers = [("Authorization", token.as_str())];
    let (status, body, _) = server.post(&headers, b"hello");
    assert_eq!((status, body.contains("\"BadOffer\"")), (400, true), "{body}");
    let (status, body, _) = server.post(&headers, &[0xff, 0xfe, 0x00]);
    assert_eq!((status, body.contains("UTF-8")), (400, true), "{body}");
    let (status, body, _) = server.post(&headers, &vec![b'v'; OFFER_BYTES_MAX + 1]);
    assert_eq!((status, body.contains("\"TooLarge\"")), (413, true), "{body}");
    let (status, _, _) = server.post(&headers, b"v=0 offer");
    assert_eq!(status, 201);
}

#[test]
fn every_answer_carries_the_correlation_vector_of_its_request() {
    let server = TestServer::open();
    let url = format!("http://127.0.0.1:{}/connection", server.handshake);
    let vector = |given: &[(&str, &str)]| {
        let answer = server.answer(&url, given, b"v=0 offer");
        answer.headers()["ms-cv"].to_str().expect("ASCII").to_owned()
    };
    assert_eq!(vector(&[("MS-CV", "ZuyAfqDYD0i4xphbpH16SQ.3")]), "ZuyAfqDYD0i4xphbpH16SQ.0");
    let [one, other] = [vector(&[]), vector(&[("MS-CV", "nonsense")])];
    assert!(one.ends_with(".0") && other.ends_with(".0") && one != other, "{one} {other}");
}

#[test]
fn the_inspector_needs_a_token_too() {
    let server = TestServer::open();
    let get = |authorization: &str| {
        let mut response = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent()
            .get(format!("http://127.0.0.1:{}/", server.inspector))
            .header("Authorization", authorization)
            .call()
            .expect("an answer");
        (response.status().as_u16(), response.body_mut().read_to_string().expect("text"))
    };
    assert_eq!(get(&server.good_token()), (200, "{\"frames\":1}".to_owned()));
    assert_eq!(get("").0, 401);
}

/// Opens a connection of a stranger and sends these bytes.
fn stranger(port: u16, says: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the port listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream.write_all(says.as_bytes()).expect("the server accepts it");
    stream
}

/// Returns the head of a request and the first byte of its body.
fn beginning(token: &str) -> String {
    format!("POST /connection HTTP/1.1\r\nHost: localhost\r\n{token}Content-Length: 60000\r\n\r\nv")
}

/// Returns whether the server closes the connection without an answer.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

/// Sends bytes one by one. Returns whether the server closes the connection.
fn ends_while_dripping(stream: &mut TcpStream, drop_of: &[u8]) -> bool {
    (0..600).any(|_| {
        thread::sleep(Duration::from_millis(50));
        stream.write_all(drop_of).is_err()
    })
}

#[test]
fn strangers_with_slow_requests_are_answered_before_their_body_and_block_no_client() {
    let server = TestServer::open();
    let token = server.good_token();
    let forged = format!("Authorization: Bearer {}\r\n", Signer::new().token(ACCOUNT, FAR_FUTURE));
    let mut slow: Vec<TcpStream> = (0..64)
        .map(|index| stranger(server.handshake, &beginning(if index % 2 == 0 { "" } else { &forged })))
        .collect();
    let newest = slow.last_mut().expect("64 of them");
    let mut status = [0; 12];
    newest.read_exact(&mut status).expect("an answer");
    assert_eq!(String::from_utf8_lossy(&status), "HTTP/1.1 401");
    let (status, body, _) = server.post(&[("Authorization", &token)], b"v=0 offer");
    assert_eq!((status, body.as_str()), (201, "v=0 answer"));
}

#[test]
fn silent_strangers_lose_their_slots() {
    let server = TestServer::open();
    let token = server.good_token();
    let mut silent: Vec<TcpStream> = (0..100).map(|_| stranger(server.handshake, "")).collect();
    let url = format!("https://localhost:{}/connection", server.handshake);
    let (status, body, _) = server.send(&url, &[("Authorization", &token)], b"v=0 offer");
    assert_eq!((status, body.as_str()), (201, "v=0 answer"));
    assert!(is_closed(&mut silent[0]), "the oldest has lost its slot to another");
}

#[test]
fn a_request_that_arrives_slowly_ends_at_its_deadline() {
    let server = TestServer::open();
    let token = format!("Authorization: {}\r\n", server.good_token());
    let mut silent = stranger(server.handshake, "");
    let mut tls = stranger(server.handshake, "\u{16}\u{3}\u{1}");
    let mut head = stranger(server.handshake, "POST /connection HTTP/1.1\r\nHost: localhost\r\nX: ");
    let mut body = stranger(server.handshake, &beginning(&token));
    assert!(ends_while_dripping(&mut head, b"x"));
    assert!(ends_while_dripping(&mut body, b"v"));
    assert!(is_closed(&mut tls) && is_closed(&mut silent));
    assert!(server.backend.offers.lock().expect("no panic").is_empty());
}

#[test]
fn the_inspector_answers_while_the_handshake_has_no_free_slot() {
    let server = TestServer::open();
    let token = server.good_token();
    let with_token = format!("Authorization: {token}\r\n");
    let _slow: Vec<TcpStream> = (0..64).map(|_| stranger(server.handshake, &beginning(&with_token))).collect();
    let answer = ureq::get(format!("http://127.0.0.1:{}/", server.inspector)).header("Authorization", &token).call();
    assert_eq!(answer.expect("an answer").status().as_u16(), 200);
}
