//! The host's end of the link to the control plane: a thread that reports the host's status and delivers the orders
//! that it receives in answer. If a control plane does not answer, the next report goes to the next one; nothing else
//! changes.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};

use remora_protocol::{
    correlation::HEADER,
    link::{HostOrder, HostReport, HostStart, HostState, ORDER_BYTES_MAX, REPORT_INTERVAL_MILLISECONDS},
};
use thiserror::Error;

use crate::threads;

/// The deadline for one report.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);
/// Statuses that wait to be reported.
const QUEUE: usize = 16;

/// An answer of the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Order(HostOrder),
    /// The control plane does not know this host, or not by its secret.
    Disowned,
}

/// The reason why the link cannot be set up.
#[derive(Debug, Error)]
pub enum LinkError {
    /// `control_ca_pem` is no certificate.
    #[error("the certificate of the control plane's CA cannot be read")]
    Certificate,
    /// `control_urls` is empty.
    #[error("the specification names no control plane")]
    NoControlPlane,
}

/// The status of a host.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Status {
    pub(crate) state: HostState,
    pub(crate) connected_clients: u32,
    /// The session that the host was assigned to.
    pub(crate) session_id: Option<String>,
}

/// A handle to the link's thread, which ends when the handle is dropped.
pub(crate) struct Link {
    statuses: SyncSender<Status>,
}

impl Link {
    /// Starts the thread. `vector` is the host's correlation vector. `on_answer` is called on the thread.
    pub(crate) fn start(
        start: &HostStart,
        vector: &str,
        status: Status,
        on_answer: impl FnMut(Answer) + Send + 'static,
    ) -> Result<Self, LinkError> {
        let reporter = Reporter::new(start, vector)?;
        let (statuses, inbox) = sync_channel(QUEUE);
        threads::spawn("link", move || reporter.run(status, &inbox, on_answer));
        Ok(Self { statuses })
    }

    /// Reports at once. A status that finds the queue full is dropped, because the queue holds newer ones than the last
    /// report.
    pub(crate) fn report(&self, status: Status) {
        let _ = self.statuses.try_send(status);
    }
}

struct Reporter {
    agent: ureq::Agent,
    /// The addresses of the control planes, at least one.
    urls: Vec<String>,
    authorization: String,
    /// The value of the header `MS-CV`.
    vector: String,
}

impl Reporter {
    fn new(HostStart { spec, placement }: &HostStart, vector: &str) -> Result<Self, LinkError> {
        let ca =
            ureq::tls::Certificate::from_pem(spec.control_ca_pem.as_bytes()).map_err(|_| LinkError::Certificate)?;
        let tls = ureq::tls::TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(ureq::tls::RootCerts::new_with_certs(&[ca]))
            .build();
        let report_url = |url: &String| format!("{}/hosts/{}/report", url.trim_end_matches('/'), spec.host_id);
        let urls: Vec<String> = placement.control_urls.iter().map(report_url).collect();
        if urls.is_empty() {
            return Err(LinkError::NoControlPlane);
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_TIME_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls)
            .build()
            .new_agent();
        let authorization = format!("Bearer {}", spec.secret);
        Ok(Self { agent, urls, authorization, vector: format!("{vector}.0") })
    }

    fn run(&self, mut status: Status, inbox: &Receiver<Status>, mut on_answer: impl FnMut(Answer)) {
        let mut control_planes = self.urls.iter().cycle();
        let mut url = control_planes.next().expect("there is at least one");
        loop {
            let Status { state, connected_clients, session_id } = status.clone();
            let report = HostReport { state, connected_clients, session_id };
            match self.post(url, &report) {
                Ok(Some(answer)) => on_answer(answer),
                Ok(None) => url = control_planes.next().expect("a cycle has no end"),
                Err(error) => {
                    tracing::warn!(%error, url, "the control plane did not answer");
                    url = control_planes.next().expect("a cycle has no end");
                }
            }
            match inbox.recv_timeout(Duration::from_millis(REPORT_INTERVAL_MILLISECONDS)) {
                Ok(newer) => status = inbox.try_iter().last().unwrap_or(newer),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn post(&self, url: &str, report: &HostReport) -> Result<Option<Answer>, ureq::Error> {
        let request = self.agent.post(url).header("Authorization", &self.authorization).header(HEADER, &self.vector);
        let mut response = request.send_json(report)?;
        match response.status().as_u16() {
            200 => {
                let order = response.body_mut().with_config().limit(ORDER_BYTES_MAX).read_json()?;
                Ok(Some(Answer::Order(order)))
            }
            401 | 404 => Ok(Some(Answer::Disowned)),
            status => {
                tracing::warn!(status, "the control plane could not take a report");
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Read, Write as _},
        net::TcpListener,
        sync::mpsc,
        thread,
    };

    use remora_protocol::link::{HostSpec, Placement};
    use rustls::pki_types::PrivateKeyDer;

    use super::*;

    /// Reads the lines of a request's head, and its report.
    fn received_request(stream: impl Read) -> std::io::Result<(Vec<String>, HostReport)> {
        let mut stream = BufReader::new(stream);
        let head: Vec<String> = stream
            .by_ref()
            .lines()
            .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
            .collect::<Result<_, _>>()?;
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.and_then(|length| length.parse().ok()).expect("a report has a length")];
        stream.read_exact(&mut body)?;
        Ok((head, serde_json::from_slice(&body)?))
    }

    /// Starts a control plane that orders every host to wait. Returns its certificate, its address and the requests
    /// that it receives.
    fn control_plane() -> (String, String, mpsc::Receiver<(Vec<String>, HostReport)>) {
        let (requests, received) = mpsc::channel();
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .map(Arc::new)
            .expect("a certificate with its key");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("https://localhost:{}", listener.local_addr().expect("bound").port());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = rustls::ServerConnection::new(config.clone()).expect("a connection");
                let mut stream = rustls::StreamOwned::new(connection, stream);
                let Ok(request) = received_request(&mut stream) else { continue };
                let _ = requests.send(request);
                let order = r#"{"order":"Wait"}"#;
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\
                     Content-Length: {}\r\n\r\n{order}",
                    order.len()
                );
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        (cert.pem(), url, received)
    }

    fn start(control_urls: Vec<String>, control_ca_pem: String) -> HostStart {
        HostStart {
            spec: HostSpec {
                host_id: "host".into(),
                secret: "secret".into(),
                control_ca_pem,
                size: "Standard".into(),
                assignment: None,
                token_public_key_pem: String::new(),
                allowed_origins: Default::default(),
                remote_models: Default::default(),
                adapter: None,
                primitives_max: None,
                rendering: Default::default(),
                exclusive: remora_protocol::link::Exclusive::UntilDisconnect,
                fence: Default::default(),
                json_logs: false,
                start_milliseconds_max: 1_000,
            },
            placement: Placement {
                control_urls,
                hostname: "localhost".into(),
                listen_address: [127, 0, 0, 1].into(),
                certificate_pem: String::new(),
                certificate_key_pem: String::new(),
                model_files: vec![],
                media: Default::default(),
                scratch_directory: None,
                cache_directory: None,
            },
        }
    }

    fn starting() -> Status {
        Status { state: HostState::Starting, connected_clients: 0, session_id: Some("one".into()) }
    }

    #[test]
    fn a_report_goes_to_the_next_control_plane_if_one_does_not_answer_and_carries_the_hosts_vector() {
        let (certificate, url, received) = control_plane();
        let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
        let start = start(vec![format!("https://localhost:{}", closed.port()), url], certificate);
        let (answers, answered) = mpsc::channel();
        let link = Link::start(&start, "ZuyAfqDYD0i4xphbpH16SQ", starting(), move |answer| drop(answers.send(answer)))
            .expect("a certificate");
        let answer = answered.recv_timeout(Duration::from_secs(30));
        assert_eq!(answer, Ok(Answer::Order(HostOrder::Wait)));
        let (head, report) = received.recv().expect("a report");
        let vector = head.iter().find_map(|line| line.strip_prefix("ms-cv: "));
        assert_eq!(vector, Some("ZuyAfqDYD0i4xphbpH16SQ.0"), "{head:?}");
        assert_eq!(report.session_id.as_deref(), Some("one"));
        drop(link);
    }

    #[test]
    fn a_specification_without_a_control_plane_is_refused() {
        let start = start(vec![], control_plane().0);
        assert!(matches!(Link::start(&start, "vector", starting(), |_| {}), Err(LinkError::NoControlPlane)));
    }
}
