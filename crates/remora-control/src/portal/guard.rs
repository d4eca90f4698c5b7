//! Protects the loopback listener from other web pages: every page in a browser on this machine can reach it, either
//! directly or under a name that resolves to this machine (DNS rebinding).
//!
//! A request passes if its Host is a loopback name with the listener's port. Which origins may call is decided in the
//! same way on every listener, see [`cross_origin`](crate::api::cross_origin).

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{StatusCode, header};

use crate::api::common::error;

/// Names that resolve to this machine only.
pub(crate) const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
const DEFAULT_PORT: u16 = 80;

/// The guard of one listener.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// Port of the listener.
    pub port: u16,
}

impl Guard {
    /// Returns the origins of the listener's own pages.
    pub fn origins(self) -> Vec<String> {
        self.hosts().into_iter().map(|host| format!("http://{host}")).collect()
    }

    fn hosts(self) -> Vec<String> {
        let with_port = NAMES.iter().map(|name| format!("{name}:{}", self.port));
        // Browsers omit the default port.
        let without = NAMES.iter().filter(|_| self.port == DEFAULT_PORT).map(|name| (*name).to_owned());
        with_port.chain(without).collect()
    }

    fn admits(self, headers: &http::HeaderMap) -> Result<(), &'static str> {
        let known = |host: &str| self.hosts().iter().any(|known| known.eq_ignore_ascii_case(host));
        match headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or("")).collect::<Vec<_>>()[..] {
            [host] if known(host) => Ok(()),
            _ => Err("This listener answers to localhost only. Open the address that `remora up` has printed."),
        }
    }
}

/// Outermost layer: refuses requests with a different Host.
pub(crate) async fn admit(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.admits(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(why) => error(StatusCode::FORBIDDEN, "Forbidden", why),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn admitted(port: u16, hosts: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_static(host));
        }
        Guard { port }.admits(&headers).is_ok()
    }

    #[test]
    fn loopback_names_with_the_listeners_port_pass() {
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:8080"] {
            assert!(admitted(8080, &[host]), "{host}");
        }
        assert!(admitted(80, &["localhost"]));
        assert!(Guard { port: 80 }.origins().contains(&"http://localhost".to_owned()));
    }

    #[test]
    fn other_hosts_are_refused() {
        for host in ["localhost", "localhost:8081", "evil.example:8080", "localhost.evil.example:8080", "", "[::1]"] {
            assert!(!admitted(8080, &[host]), "{host}");
        }
        assert!(!admitted(8080, &[]));
        assert!(!admitted(8080, &["localhost:8080", "evil.example"]));
    }
}
