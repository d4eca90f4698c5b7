//! An HTTP client that sends exactly the given bytes and returns exactly the received ones.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::within;

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns `error.code` of the body.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends a request with the given headers, and with `Host` and `Content-Length` unless they are given.
pub(crate) async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut text = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text += &format!("Host: {host}\r\n");
    }
    if !body.is_empty() || method != "GET" {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("\r\n{body}");
    raw(stream, text.as_bytes()).await
}

pub(crate) async fn raw(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Answer {
    within("an answer", async {
        // A server that refuses a request may have closed the connection already.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        parse(&String::from_utf8(answer).expect("answers are text"))
    })
    .await
}

fn parse(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not HTTP: {answer:?}"));
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let mut words = status_line.splitn(3, ' ');
    assert_eq!(words.next(), Some("HTTP/1.1"));
    let status = words.next().and_then(|status| status.parse().ok()).expect("a status");
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
        (name.to_owned(), value.to_owned())
    });
    let mut answer = Answer {
        status,
        reason: words.next().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: body.to_owned(),
    };
    if answer.header("Transfer-Encoding") == Some("chunked") {
        answer.body = joined(body);
    }
    answer
}

/// Joins the chunks of a body (RFC 9112, section 7.1), all of which must be there.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n").expect("the size of a chunk");
        let size = usize::from_str_radix(size, 16).expect("a hexadecimal number");
        if size == 0 {
            return body;
        }
        body.push_str(&rest[..size]);
        chunks = rest[size..].strip_prefix("\r\n").expect("the end of a chunk");
    }
}

pub(crate) async fn tcp(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// Opens a TLS connection that trusts only that CA.
pub(crate) async fn tls(address: SocketAddr, name: &str, ca_pem: &str) -> tokio_rustls::client::TlsStream<TcpStream> {
    connector(ca_pem).connect(server_name(name), tcp(address).await).await.unwrap()
}

/// Sends a request to a server that may be killed at any moment. Returns `None` if the response is incomplete.
pub(crate) async fn try_tls(
    address: SocketAddr,
    ca_pem: &str,
    method: &str,
    target: &str,
    authorization: &str,
    body: &str,
) -> Option<Answer> {
    let request = format!(
        "{method} {target} HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let stream = TcpStream::connect(address).await.ok()?;
        let mut stream = connector(ca_pem).connect(server_name("localhost"), stream).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        // `Content-Length` tells below whether the response is complete.
        let _ = stream.read_to_end(&mut answer).await;
        let answer =
            String::from_utf8(answer).ok().filter(|answer| answer.contains("\r\n\r\n")).map(|text| parse(&text))?;
        let length = answer.header("Content-Length").map_or(0, |length| length.parse().expect("a number"));
        (answer.body.len() == length).then_some(answer)
    };
    within("an answer or the end of the server", exchange).await
}

fn connector(ca_pem: &str) -> tokio_rustls::TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tokio_rustls::TlsConnector::from(Arc::new(config))
}

fn server_name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).unwrap()
}
