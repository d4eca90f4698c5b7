//! Hosts that models are fetched from, and failures that reveal nothing about other hosts.

use std::io::ErrorKind;

use super::*;

/// A listener that must not be contacted.
struct PrivateListener(TcpListener);

impl PrivateListener {
    fn at(address: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("bound").port()
    }

    fn check_untouched(&self) {
        let accepted = self.0.accept().map_err(|error| error.kind());
        assert!(matches!(accepted, Err(ErrorKind::WouldBlock)), "{accepted:?}");
    }
}

fn with_hosts(remote_models: RemoteModels) -> Bench {
    Bench::changed(1 << 30, false, |options| options.remote_models = remote_models)
}

fn redirect(to: &str) -> String {
    serve(answer(&format!("HTTP/1.1 302 Resolved\r\nContent-Length: 0\r\nLocation: {to}"), b""))
}

#[test]
fn private_addresses_are_refused_in_every_spelling_and_never_contacted() {
    let bench = with_hosts(RemoteModels::default());
    let inside = PrivateListener::at("127.0.0.1");
    let port = inside.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "public@127.0.0.1",
        "169.254.169.254",
        "[fe80::1]",
    ] {
        for scheme in ["http", "https"] {
            let (code, message) = bench.refused(&format!("{scheme}://{host}:{port}/latest/meta-data"));
            assert_eq!(code, ErrorCode::UriRefused, "{host}: {message}");
            assert!(message.contains("models.allowed_hosts"), "{message}");
        }
    }
    inside.check_untouched();
}

#[test]
fn a_redirect_to_a_private_address_is_refused_and_not_quoted() {
    let bench = Bench::new(1 << 30);
    let inside = PrivateListener::at("127.0.0.2");
    let to = format!("http://127.0.0.2:{}/hidden", inside.port());
    let (code, message) = bench.refused(&redirect(&to));
    assert_eq!(code, ErrorCode::UriRefused);
    assert!(!message.contains("hidden"), "{message}");
    inside.check_untouched();
    assert_eq!(bench.load_small(&redirect(&serve(found(&glb())))).name(), "remote", "an allowed one is followed");
}

#[test]
fn an_offered_model_is_fetched_and_opens_its_host_for_nothing_else() {
    let uri = serve(found(&glb()));
    let inside = PrivateListener::at("127.0.0.1");
    let away = redirect(&format!("http://127.0.0.1:{}/a.glb", inside.port()));
    let offered = vec![uri.clone(), away.clone()];
    let bench = with_hosts(RemoteModels { offered, ..RemoteModels::default() });
    assert_eq!(bench.refused(&uri.replace("remote.glb", "other.glb")).0, ErrorCode::UriRefused);
    assert_eq!(bench.load_small(&uri).name(), "remote");
    assert_eq!(bench.refused(&away).0, ErrorCode::UriRefused);
    inside.check_untouched();
}

#[test]
fn an_answer_that_is_no_model_is_not_quoted() {
    let bench = Bench::new(1 << 30);
    for answered in [
        found(b"SECRET of another service"),
        found(br#"{"asset": "SECRET"}"#),
        found(br#"{"asset": {"version": "SECRET"}}"#),
        found(br#"{"token": "SECRET""#),
        found(b"glTFSECRETSECRETSECRET"),
        answer("HTTP/1.1 500 SECRET\r\nContent-Length: 6", b"SECRET"),
        answer("HTTP/1.1 302 Resolved\r\nContent-Length: 0\r\nLocation: ftp://SECRET", b""),
        answer("HTTP/1.1 302 Resolved\r\nContent-Length: 0\r\nLocation: http://[SECRET", b""),
        answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"SECRET\r\n"),
        b"SECRET of something that is not HTTP\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nSECRET\r\n\r\n".to_vec(),
    ] {
        let (_, message) = bench.refused(&serve(answered));
        assert!(!message.to_uppercase().contains("SECRET"), "{message}");
    }
}
