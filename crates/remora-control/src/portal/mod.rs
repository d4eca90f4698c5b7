//! The pages for a browser on this machine: static files, which the executable brings along, and a sign-in.
//!
//! The portal is on the loopback HTTP listener only, behind [`guard`]. Who knows the secret of this start gets a
//! token of the local account; the printed address carries the secret in its fragment, which browsers send to nobody.

pub mod guard;
pub mod sign_in;

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use crate::api::common::error;

/// A file of the pages.
pub struct Asset {
    pub content_type: String,
    pub bytes: Cow<'static, [u8]>,
}

/// Files by their path without a leading slash; `index.html` is the page itself.
pub type Assets = Arc<dyn Fn(&str) -> Option<Asset> + Send + Sync>;

/// All pages are one route.
pub const ROUTE: &str = "/{page}";
const INDEX: &str = "index.html";
/// Built files carry a digest of their content in the name.
const FOREVER: &str = "public, max-age=31536000, immutable";

#[derive(Clone)]
pub struct Pages {
    assets: Assets,
    content_security_policy: HeaderValue,
}

impl Pages {
    /// `hostname` is where render hosts are: the pages connect there and nowhere else.
    pub fn new(assets: Assets, hostname: &str) -> Self {
        let mut hosts = vec!["localhost", "127.0.0.1"];
        if !hosts.contains(&hostname) {
            hosts.push(hostname);
        }
        let schemes = ["http", "https", "ws", "wss"];
        let sources: Vec<String> =
            hosts.iter().flat_map(|host| schemes.map(|scheme| format!("{scheme}://{host}:*"))).collect();
        let policy = format!(
            "default-src 'self'; connect-src 'self' {}; img-src 'self' data: blob:; media-src 'self' blob:; \
             worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            sources.join(" ")
        );
        let content_security_policy = HeaderValue::from_str(&policy).expect("a host name is visible ASCII");
        Self { assets, content_security_policy }
    }

    pub fn answer(&self, method: &Method, path: &str) -> Response {
        if method != Method::GET && method != Method::HEAD {
            return error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Pages are read with GET.");
        }
        let name = match path.trim_start_matches('/') {
            "" => INDEX,
            name => name,
        };
        let Some(asset) = (self.assets)(name) else {
            return error(StatusCode::NOT_FOUND, "NotFound", "There is no such page.");
        };
        let caching = if name.starts_with("assets/") { FOREVER } else { "no-cache" };
        let content_type = HeaderValue::from_str(&asset.content_type)
            .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
        let headers: [(HeaderName, HeaderValue); 6] = [
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
            (header::CONTENT_SECURITY_POLICY, self.content_security_policy.clone()),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
            (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        ];
        (headers, Body::from(asset.bytes)).into_response()
    }
}
