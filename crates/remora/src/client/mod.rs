//! The client of the REST API that `session`, `token` and `usage` share. It works with every endpoint of this API.
//!
//! Every call has a deadline. Requests that the service refuses with 429 or 503 and `Retry-After` are repeated a few
//! times.

mod connection;
mod refusal;

pub(crate) use connection::ConnectionArguments;

use std::{cell::RefCell, sync::Arc, time::Duration};

use connection::Connection;
use serde::de::DeserializeOwned;
use ureq::{
    Agent,
    http::{HeaderMap, Method, Request, StatusCode, header},
    tls::{RootCerts, TlsConfig},
};

use crate::{
    authorities, clock,
    failure::{Failure, Status},
};

const API_VERSION: &str = "2021-01-01";
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// Generous: a page with a thousand sessions has about 400 kB.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
const PAGES_MAX: usize = 10_000;
const ATTEMPTS_MAX: u32 = 5;
/// Longest accepted `Retry-After`; a longer one is reported as an error.
const PATIENCE_MAX: Duration = Duration::from_secs(30);

/// A client for one account of one service.
pub(crate) struct Client {
    agent: Agent,
    connection: Connection,
    /// Requested with the first call and again when it has expired: `watch` can run longer than the 24 hours of a
    /// token.
    token: RefCell<Option<String>>,
}

/// A successful answer.
pub(crate) struct Answer {
    pub(crate) body: String,
}

impl Answer {
    /// Parses the body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.body)
            .map_err(|error| Failure::new(Status::Refused, format!("the answer does not follow this API: {error}")))
    }
}

impl Client {
    pub(crate) fn new(arguments: &ConnectionArguments) -> Result<Self, Failure> {
        let connection = arguments.connection()?;
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(authorities::trusted(connection.ca_file.as_deref())?)))
            .build();
        let agent = Agent::config_builder()
            .timeout_global(Some(ANSWER_TIME_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("remora/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Self { agent, connection, token: RefCell::default() })
    }

    /// Requests an access token and returns the answer of the token service.
    pub(crate) fn token_answer(&self) -> Result<Answer, Failure> {
        let Connection { sts_endpoint, account, key, .. } = &self.connection;
        self.send(&Method::GET, &format!("{sts_endpoint}/accounts/{account}/token"), &format!("{account}:{key}"), None)?
            .accepted()
    }

    /// Calls the API below the account's sessions; `below` is empty or `/` and a session id.
    pub(crate) fn sessions(&self, method: &Method, below: &str, body: Option<&str>) -> Result<Answer, Failure> {
        let Connection { endpoint, account, .. } = &self.connection;
        let url = format!("{endpoint}/accounts/{account}/sessions{below}?api-version={API_VERSION}");
        self.call(method, &url, body)
    }

    /// Calls `page` with every page of the list of sessions, in order.
    pub(crate) fn session_pages(&self, page: impl FnMut(&Answer) -> Result<(), Failure>) -> Result<(), Failure> {
        let Connection { endpoint, account, .. } = &self.connection;
        self.pages(format!("{endpoint}/accounts/{account}/sessions?api-version={API_VERSION}"), page)
    }

    /// Calls `page` with every page of the usage report, in order. `query` is well-formed.
    pub(crate) fn usage_pages(
        &self,
        query: &str,
        page: impl FnMut(&Answer) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Connection { endpoint, account, .. } = &self.connection;
        self.pages(format!("{endpoint}/accounts/{account}/usage{query}"), page)
    }

    fn pages(&self, first: String, mut page: impl FnMut(&Answer) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut url = first;
        for _ in 0..PAGES_MAX {
            let answer = self.call(&Method::GET, &url, None)?;
            page(&answer)?;
            let Next { link } = answer.json()?;
            let Some(link) = link else { return Ok(()) };
            // The token must not be sent to another service.
            if !link.strip_prefix(&*self.connection.endpoint).is_some_and(|rest| rest.starts_with('/')) {
                let message =
                    format!("the next page of the list is at {link}, which is not at {}", self.connection.endpoint);
                return Err(Failure::new(Status::Refused, message));
            }
            url = link;
        }
        Err(Failure::new(Status::Refused, format!("the list has more than {PAGES_MAX} pages")))
    }

    fn call(&self, method: &Method, url: &str, body: Option<&str>) -> Result<Answer, Failure> {
        let known = self.token.borrow().clone();
        if let Some(token) = known {
            let response = self.send(method, url, &token, body)?;
            if response.status != StatusCode::UNAUTHORIZED {
                return response.accepted();
            }
        }
        let Token { access_token } = self.token_answer()?.json()?;
        let response = self.send(method, url, &access_token, body)?;
        self.token.replace(Some(access_token));
        response.accepted()
    }

    fn send(&self, method: &Method, url: &str, bearer: &str, body: Option<&str>) -> Result<Response, Failure> {
        let mut attempt = 1;
        loop {
            let request = Request::builder()
                .method(method)
                .uri(url)
                .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
                .header(header::ACCEPT, "application/json");
            let answered = match body {
                Some(body) => request
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(body)
                    .map_err(ureq::Error::from)
                    .and_then(|request| self.agent.run(request)),
                None if method == Method::POST => {
                    request.body("").map_err(ureq::Error::from).and_then(|request| self.agent.run(request))
                }
                None => request.body(()).map_err(ureq::Error::from).and_then(|request| self.agent.run(request)),
            };
            let read = answered.and_then(|mut response| {
                let (status, pause) = (response.status(), pause_asked_for(response.status(), response.headers()));
                let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()?;
                Ok((status, pause, body))
            });
            let (status, pause, body) = read.map_err(|error| refusal::unreachable(url, &error))?;
            match pause {
                Some(pause) if attempt < ATTEMPTS_MAX && pause <= PATIENCE_MAX => clock::pause(pause),
                _ => return Ok(Response { status, body }),
            }
            attempt += 1;
        }
    }
}

struct Response {
    status: StatusCode,
    body: String,
}

impl Response {
    fn accepted(self) -> Result<Answer, Failure> {
        let Self { status, body } = self;
        if status.is_success() { Ok(Answer { body }) } else { Err(refusal::refused(status, &body)) }
    }
}

#[derive(serde::Deserialize)]
struct Token {
    #[serde(rename = "AccessToken")]
    access_token: String,
}

#[derive(serde::Deserialize)]
struct Next {
    #[serde(rename = "@nextLink")]
    link: Option<String>,
}

/// Returns how long to wait before repeating the request, if the service invites to do so.
fn pause_asked_for(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_repeated_only_if_the_service_asks_for_it() {
        let headers = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static(value));
            headers
        };
        let asked = |status, value| pause_asked_for(status, &headers(value));
        assert_eq!(asked(StatusCode::TOO_MANY_REQUESTS, "2"), Some(Duration::from_secs(2)));
        assert_eq!(asked(StatusCode::SERVICE_UNAVAILABLE, "1"), Some(Duration::from_secs(1)));
        assert_eq!(asked(StatusCode::CONFLICT, "1"), None);
        assert_eq!(asked(StatusCode::TOO_MANY_REQUESTS, "Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(pause_asked_for(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new()), None);
    }
}
