//! The host's end of the link to the control plane: a thread that reports what the host is and hands on what it
//! shall be. A control plane that does not answer is asked again at the next interval; nothing else happens.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use remora_protocol::link::{
    HostOrder, HostReport, HostSpec, HostState, ORDER_BYTES_MAX, REPORT_INTERVAL_MILLISECONDS,
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
        spec: &HostSpec,
        status: Status,
        on_answer: impl FnMut(Answer) + Send + 'static,
    ) -> Result<Self, LinkError> {
        let reporter = Reporter::new(spec)?;
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
    url: String,
    authorization: String,
}

impl Reporter {
    fn new(spec: &HostSpec) -> Result<Self, LinkError> {
        let ca =
            ureq::tls::Certificate::from_pem(spec.control_ca_pem.as_bytes()).map_err(|_| LinkError::Certificate)?;
        let tls = ureq::tls::TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(ureq::tls::RootCerts::new_with_certs(&[ca]))
            .build();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_TIME_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Self {
            agent,
            url: format!("{}/hosts/{}/report", spec.control_url.trim_end_matches('/'), spec.host_id),
            authorization: format!("Bearer {}", spec.secret),
        })
    }

    fn run(&self, mut status: Status, inbox: &Receiver<Status>, mut on_answer: impl FnMut(Answer)) {
        loop {
            let report = HostReport { state: status.state.clone(), connected_clients: status.connected_clients };
            match self.post(&report) {
                Ok(Some(answer)) => on_answer(answer),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "the control plane did not answer"),
            }
            match inbox.recv_timeout(Duration::from_millis(REPORT_INTERVAL_MILLISECONDS)) {
                Ok(newer) => status = inbox.try_iter().last().unwrap_or(newer),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn post(&self, report: &HostReport) -> Result<Option<Answer>, ureq::Error> {
        let mut response = self.agent.post(&self.url).header("Authorization", &self.authorization).send_json(report)?;
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
