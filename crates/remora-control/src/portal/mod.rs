//! The portal: static pages, which are part of the executable, and the documents that they read.
//!
//! The HTTPS listener serves them, and people sign in there with an account key or through an identity provider. `up`
//! also serves them on the loopback HTTP listener, behind [`guard`]. There the secret of this start is enough for a
//! token of the local account. The printed address has the secret in its fragment, which browsers do not send.

pub(crate) mod configuration;
mod encoding;
pub(crate) mod guard;
mod policy;
pub(crate) mod sign_in;

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
use crate::identity::Identities;

/// A file of the pages.
pub struct Asset {
    /// Value of the `Content-Type` header.
    pub content_type: String,
    /// Content.
    pub bytes: Cow<'static, [u8]>,
}

/// Finds a file by its path without a leading slash. `index.html` is the page itself.
pub type Assets = Arc<dyn Fn(&str) -> Option<Asset> + Send + Sync>;

/// A model that the page offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfferedModel {
    /// Address of the model for the host.
    pub uri: String,
    /// Name to show to people.
    pub label: String,
    /// Number of triangles, if it is known without opening the file.
    pub triangles: Option<u64>,
}

/// All models that the page offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedModels {
    /// Address of the model that is shown first.
    pub default_model: String,
    /// All models, in the order of the list.
    pub models: Vec<OfferedModel>,
}

/// The files of the pages, and the models that they offer.
#[derive(Clone)]
pub struct PortalOptions {
    /// The files.
    pub assets: Assets,
    /// The models.
    pub models: Arc<OfferedModels>,
}

/// The route's name in logs and metrics. All pages share it.
pub(crate) const ROUTE: &str = "/{page}";
const INDEX: &str = "index.html";
/// Caching of files with fixed names, such as the icon.
const FOR_A_DAY: &str = "public, max-age=86400";
/// Caching of built files, whose names contain a digest of their content.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// Serves the pages.
#[derive(Clone)]
pub(crate) struct Pages {
    assets: Assets,
    /// The page's own script and style sheet.
    inline: Arc<policy::Inline>,
    /// Sources of the content security policy that pages connect to.
    sources: Arc<[String]>,
    /// Additional sources for a page that was opened under an IPv6 address.
    sources_of_ipv6: Arc<[String]>,
    /// Issuers, to whose token endpoints the page connects too.
    identities: Arc<Identities>,
}

impl Pages {
    /// Prepares the pages and their content security policy. They connect to render hosts, which are on any port of the
    /// machine's `hosts` with one of the `schemes`, and to `others`: sources such as `https://login.example.com`.
    pub(crate) fn new(
        assets: Assets,
        schemes: &[&str],
        hosts: &[String],
        others: &[String],
        identities: Arc<Identities>,
    ) -> Self {
        // A content security policy cannot contain an IPv6 address.
        let named = hosts.iter().filter(|host| !host.contains(':'));
        let sources = named.flat_map(|host| schemes.iter().map(move |scheme| format!("{scheme}://{host}:*")));
        let sources = sources.chain(others.iter().cloned()).collect();
        let sources_of_ipv6 = schemes.iter().map(|scheme| format!("{scheme}:")).collect();
        let inline = Arc::new(policy::Inline::of(assets(INDEX).as_ref().map_or(&[][..], |index| &*index.bytes)));
        Self { assets, inline, sources, sources_of_ipv6, identities }
    }

    /// Returns the file under the request's path, or `None` if there is none.
    pub(crate) async fn answer(&self, request: &Parts) -> Option<Response> {
        let (method, path) = (&request.method, request.uri.path());
        let name = match path.trim_start_matches('/') {
            "" => INDEX,
            name => name,
        };
        let is_compressed = [Coding::Brotli, Coding::Gzip].iter().any(|coding| name.ends_with(coding.extension()));
        let plain = (self.assets)(name).filter(|_| !is_compressed)?;
        if method != Method::GET && method != Method::HEAD {
            return Some(error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Pages are read with GET."));
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
        let caching = match name {
            INDEX => "no-cache",
            _ if name.starts_with("assets/") => FOREVER,
            _ => FOR_A_DAY,
        };
        // These headers only matter for documents; repeating them for each file would slow down slow connections.
        if name == INDEX {
            let policy = self.policy_of_page(&request.headers).await;
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
            let opener = HeaderName::from_static("cross-origin-opener-policy");
            headers.insert(opener, HeaderValue::from_static("same-origin"));
        }
        for (name, value) in [
            (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
            (header::ETAG, HeaderValue::from_str(&tag).expect("base64 is ASCII")),
            (header::VARY, HeaderValue::from_static("Accept-Encoding")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        ] {
            headers.insert(name, value);
        }
        Some(response)
    }

    async fn policy_of_page(&self, headers: &HeaderMap) -> HeaderValue {
        let is_ipv6 = headers.get(header::HOST).is_some_and(|host| host.as_bytes().starts_with(b"["));
        let providers = self.identities.providers().await;
        let origins = providers.iter().map(|provider| provider.token_origin.as_str());
        let of_ipv6 = self.sources_of_ipv6.iter().filter(|_| is_ipv6);
        let sources = self.sources.iter().chain(of_ipv6).map(String::as_str).chain(origins);
        policy::content_security_policy(&self.inline, sources)
    }
}

/// Returns the entity tag of one form of a file.
fn entity_tag(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]))
}

/// Returns whether an `If-None-Match` contains the tag, possibly weakened by a proxy.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
}
