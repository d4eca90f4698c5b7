//! The pages: static files, which the executable brings along, and what they ask for.
//!
//! They are served over HTTPS, where people sign in with an account's key or through an identity provider, and by `up`
//! on the loopback HTTP listener too, behind [`guard`]: there the secret of this start is enough for a token of the
//! local account. The printed address carries the secret in its fragment, which browsers do not send.

pub mod configuration;
mod encoding;
pub mod guard;
pub mod sign_in;

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::digest;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;

use encoding::Coding;

use crate::api::common::error;

/// A file of the pages.
pub struct Asset {
    pub content_type: String,
    pub bytes: Cow<'static, [u8]>,
}

/// Files by their path without a leading slash; `index.html` is the page itself.
pub type Assets = Arc<dyn Fn(&str) -> Option<Asset> + Send + Sync>;

/// A model that the page offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfferedModel {
    pub uri: String,
    pub label: String,
    /// Where it is known without opening the file.
    pub triangles: Option<u64>,
}

/// The models that the page offers, and the address of the one that it shows first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedModels {
    pub default_model: String,
    pub models: Vec<OfferedModel>,
}

/// What the pages are and show.
#[derive(Clone)]
pub struct PortalOptions {
    pub assets: Assets,
    pub models: Arc<OfferedModels>,
}

/// All pages are one route.
pub const ROUTE: &str = "/{page}";
const INDEX: &str = "index.html";
/// Built files carry a digest of their content in the name.
const FOREVER: &str = "public, max-age=31536000, immutable";

#[derive(Clone)]
pub struct Pages {
    assets: Assets,
    content_security_policy: HeaderValue,
    /// For a page that was opened by an IPv6 address.
    content_security_policy_of_ipv6: HeaderValue,
}

impl Pages {
    /// The pages connect to render hosts, which are on some port of the machine's `hosts`, with one of the `schemes`,
    /// and to `others`, which are sources of a content security policy: `https://login.example.com`.
    pub fn new(assets: Assets, schemes: &[&str], hosts: &[String], others: &[String]) -> Self {
        // Policies have no notation for IPv6 addresses.
        let named = hosts.iter().filter(|host| !host.contains(':'));
        let sources = named.flat_map(|host| schemes.iter().map(move |scheme| format!("{scheme}://{host}:*")));
        let sources: Vec<String> = sources.chain(others.iter().cloned()).collect();
        let all: Vec<String> =
            sources.iter().cloned().chain(schemes.iter().map(|scheme| format!("{scheme}:"))).collect();
        Self {
            assets,
            content_security_policy: content_security_policy(&sources),
            content_security_policy_of_ipv6: content_security_policy(&all),
        }
    }

    pub fn answer(&self, request: &Parts) -> Response {
        let (method, path) = (&request.method, request.uri.path());
        let name = match path.trim_start_matches('/') {
            "" => INDEX,
            name => name,
        };
        let is_compressed = [Coding::Brotli, Coding::Gzip].iter().any(|coding| name.ends_with(coding.extension()));
        let Some(plain) = (self.assets)(name).filter(|_| !is_compressed) else {
            return error(StatusCode::NOT_FOUND, "NotFound", "There is no such page.");
        };
        if method != Method::GET && method != Method::HEAD {
            return error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Pages are read with GET.");
        }
        let (coding, bytes) = Coding::accepted(&request.headers)
            .find_map(|coding| Some((coding, (self.assets)(&format!("{name}{}", coding.extension()))?.bytes)))
            .unwrap_or((Coding::Identity, plain.bytes));
        let tag = entity_tag(&bytes);
        let is_known = request.headers.get_all(header::IF_NONE_MATCH).iter().any(|known| names(known, &tag));
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let content_type = HeaderValue::from_str(&plain.content_type)
                .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
            ([(header::CONTENT_TYPE, content_type)], Body::from(bytes)).into_response()
        };
        let headers = response.headers_mut();
        if coding != Coding::Identity && !is_known {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
        }
        let caching = if name.starts_with("assets/") { FOREVER } else { "no-cache" };
        for (name, value) in [
            (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
            (header::ETAG, HeaderValue::from_str(&tag).expect("base64 is ASCII")),
            (header::VARY, HeaderValue::from_static("Accept-Encoding")),
            (header::CONTENT_SECURITY_POLICY, self.policy_for(&request.headers).clone()),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
            (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        ] {
            headers.insert(name, value);
        }
        response
    }

    fn policy_for(&self, headers: &HeaderMap) -> &HeaderValue {
        let is_ipv6 = headers.get(header::HOST).is_some_and(|host| host.as_bytes().starts_with(b"["));
        if is_ipv6 { &self.content_security_policy_of_ipv6 } else { &self.content_security_policy }
    }
}

/// Each form of a file has its own.
fn entity_tag(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]))
}

/// Whether an `If-None-Match` names the tag. A proxy may have weakened it.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
}

fn content_security_policy(connect: &[String]) -> HeaderValue {
    let policy = format!(
        "default-src 'self'; connect-src 'self' {}; img-src 'self' data: blob:; media-src 'self' blob:; \
         worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        connect.join(" ")
    );
    HeaderValue::from_str(&policy).expect("host names are visible ASCII")
}
