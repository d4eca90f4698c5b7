//! CORS headers (Fetch Standard) for pages of other origins. The control plane and render hosts send the same ones.
//!
//! Requests carry a bearer token that the page has to know, never cookies, so responses do not allow credentials.
//! A browser hides a response without these headers from its page, even a 403. A page that cannot reach a service
//! therefore reads [`ORIGIN_PATH`], which every page may read, to find out whether its origin is the reason.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use crate::origins::Origins;

/// Path of `GET /origin`, which the service and every render host answer without authentication: an [`OriginResponse`].
pub const ORIGIN_PATH: &str = "/origin";

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT, POST, PATCH, DELETE");
/// A `*` does not include Authorization. The other names are for browsers that do not support `*`.
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, ms-cv, x-mrc-cv, x-ms-client-request-id, x-ms-useragent, traceparent, tracestate, \
     remora-resume, *",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "location, ms-cv, retry-after, www-authenticate, api-supported-versions, operation-location, \
     x-ms-correlation-request-id, x-ms-error-code, remora-resume",
);
/// How long browsers may remember the response to a preflight. Removing an origin from the policy takes effect at once,
/// because every request is checked; a newly allowed page may have to wait this long.
const PREFLIGHT_SECONDS_MAX: HeaderValue = HeaderValue::from_static("600");
const PRIVATE_NETWORK_REQUEST: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// Body of the response at [`ORIGIN_PATH`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginResponse {
    /// The `Origin` of the request. `None` if it had none, which is so for the service's own page and for requests
    /// that do not come from a page.
    pub origin: Option<String>,
    /// True if the origin may call the service, or if there is none.
    pub allowed: bool,
}

impl OriginResponse {
    /// Describes the origin of a request.
    pub fn new(origins: &Origins, request: &HeaderMap) -> Self {
        let origin = request.get(header::ORIGIN).map(|origin| String::from_utf8_lossy(origin.as_bytes()).into_owned());
        Self { origin, allowed: refusal(origins, request).is_none() }
    }
}

/// Returns why a page may not make this request, or `None` if it may or if the request does not come from a page.
pub fn refusal(origins: &Origins, request: &HeaderMap) -> Option<String> {
    let refused = request.get_all(header::ORIGIN).iter().find(|origin| !allows(origins, origin))?;
    let shown: String = String::from_utf8_lossy(refused.as_bytes()).chars().take(200).collect();
    Some(format!("Pages of {shown} may not use this service. Its operator allows them with listen.origins."))
}

/// Returns whether this is a CORS preflight, with which a browser asks for permission.
pub fn is_preflight(method: &Method, request: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && request.contains_key(header::ORIGIN)
        && request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Adds the headers that say what an allowed page may send. A response to a preflight needs them beside those of
/// [`share`].
pub fn permit(request: &HeaderMap, answer: &mut HeaderMap) {
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS_MAX);
    if request.contains_key(PRIVATE_NETWORK_REQUEST) {
        answer.insert(PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
}

/// Lets the page read a response, whatever its status, if its origin is allowed.
pub fn share(origins: &Origins, request_origin: Option<HeaderValue>, answer: &mut HeaderMap) {
    answer.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = request_origin.filter(|origin| allows(origins, origin)) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    }
}

/// Lets every page read a response, which must contain only public data.
pub fn share_with_all(answer: &mut HeaderMap) {
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

fn allows(origins: &Origins, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|origin| origins.allows(origin))
}
