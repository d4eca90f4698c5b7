//! The host's end of the link to the control plane: a thread that reports what the host is and hands on what it
//! shall be. Where a control plane does not answer, the next one is asked at the next interval; nothing else happens.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use remora_protocol::link::{
    HostOrder, HostReport, HostStart, HostState, ORDER_BYTES_MAX, REPORT_INTERVAL_MILLISECONDS,
};
use thiserror::Error;

const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);
const QUEUE: usize = 16;

/// What the control plane had to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Order(HostOrder),
    /// It knows no such host, or not by this secret.
    Disowned,
}

#[derive(Debug, Error)]
pub enum LinkError {
    #[error("the certificate of the control plane's CA cannot be read")]
    Certificate,
    #[error("the specification names no control plane")]
    NoControlPlane,
}

/// What is reported from now on.
#[derive(Clone, Debug)]
pub struct Status {
    pub state: HostState,
    pub connected_clients: u32,
}

/// Reports end when this is dropped.
pub struct Link {
    statuses: SyncSender<Status>,
}

impl Link {
    /// `on_answer` is called on the link's own thread.
    pub fn start(
        start: &HostStart,
        status: Status,
        on_answer: impl FnMut(Answer) + Send + 'static,
    ) -> Result<Self, LinkError> {
        let reporter = Reporter::new(start)?;
        let (statuses, inbox) = sync_channel(QUEUE);
        thread::Builder::new()
            .name("link".to_owned())
            .spawn(move || reporter.run(status, &inbox, on_answer))
            .expect("a thread can be started at the host's start");
        Ok(Self { statuses })
    }

    /// Reports at once. A status that finds the queue full is dropped: a newer one is on its way.
    pub fn report(&self, status: Status) {
        let _ = self.statuses.try_send(status);
    }
}

struct Reporter {
    agent: ureq::Agent,
    /// At least one.
    urls: Vec<String>,
    authorization: String,
}

impl Reporter {
    fn new(HostStart { spec, placement }: &HostStart) -> Result<Self, LinkError> {
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
        Ok(Self { agent, urls, authorization: format!("Bearer {}", spec.secret) })
    }

    fn run(&self, mut status: Status, inbox: &Receiver<Status>, mut on_answer: impl FnMut(Answer)) {
        let mut control_planes = self.urls.iter().cycle();
        let mut url = control_planes.next().expect("there is at least one");
        loop {
            let report = HostReport { state: status.state.clone(), connected_clients: status.connected_clients };
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
        let mut response = self.agent.post(url).header("Authorization", &self.authorization).send_json(report)?;
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
        io::{Read as _, Write as _},
        net::TcpListener,
        sync::mpsc,
    };

    use remora_protocol::link::{HostSpec, Placement};
    use rustls::pki_types::PrivateKeyDer;

    use super::*;

    /// Tells everybody who reports to wait. Returns its certificate and its address.
    fn control_plane() -> (String, String) {
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
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    let mut byte = [0];
                    if stream.read_exact(&mut byte).is_err() {
                        break;
                    }
                    request.extend(byte);
                }
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
        (cert.pem(), url)
    }

    fn start(control_urls: Vec<String>, control_ca_pem: String) -> HostStart {
        let spec = HostSpec {
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
            start_milliseconds_max: 1_000,
        };
        let placement = Placement {
            control_urls,
            hostname: "localhost".into(),
            listen_address: [127, 0, 0, 1].into(),
            certificate_pem: String::new(),
            certificate_key_pem: String::new(),
            media: Default::default(),
            model_files: vec![],
            cache_directory: None,
            scratch_directory: None,
        };
        HostStart { spec, placement }
    }

    #[test]
    fn where_one_control_plane_does_not_answer_the_next_is_asked() {
        let (certificate, url) = control_plane();
        let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
        let start = start(vec![format!("https://localhost:{}", nobody.port()), url], certificate);
        let (answers, answered) = mpsc::channel();
        let status = Status { state: HostState::Starting, connected_clients: 0 };
        let link = Link::start(&start, status, move |answer| drop(answers.send(answer))).expect("a certificate");
        let answer = answered.recv_timeout(Duration::from_secs(30));
        assert_eq!(answer, Ok(Answer::Order(HostOrder::Wait)));
        drop(link);
    }

    #[test]
    fn a_specification_without_a_control_plane_is_refused() {
        let start = start(vec![], control_plane().0);
        let status = Status { state: HostState::Starting, connected_clients: 0 };
        assert!(matches!(Link::start(&start, status, |_| {}), Err(LinkError::NoControlPlane)));
    }
}
