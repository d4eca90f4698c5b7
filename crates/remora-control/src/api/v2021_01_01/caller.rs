//! The caller of a request, the session in its path and the API version, read before the handler runs.

use axum::extract::{FromRequestParts, Query, RawPathParams};
use http::request::Parts;
use remora_session::{AccountId, SessionId, SessionKey};

use super::fault::Fault;
use super::{Api, VERSIONS};
use crate::api::common::{admit, authenticate};
use crate::api::host_name::HostName;
use crate::token::Bearer;

/// A caller who may act on the account in the path.
pub(super) struct Caller {
    pub account: AccountId,
    pub bearer: Bearer,
    pub version: &'static str,
    /// Parameters of the query.
    pub query: Vec<(String, String)>,
    /// How this caller reaches render hosts.
    pub host_name: HostName,
    session: Option<String>,
}

impl Caller {
    /// Returns the key for a create, where a malformed id is the caller's mistake.
    pub(super) fn new_key(&self) -> Result<SessionKey, Fault> {
        self.session_id().map(|session| SessionKey { account: self.account.clone(), session }).ok_or_else(|| {
            let shown = self.session.as_deref().unwrap_or_default();
            Fault::bad_request(
                format!(
                    "The session id '{}' is not valid. A session id has 1 to {} letters, digits, hyphens and \
                     underscores.",
                    shown.chars().take(64).collect::<String>(),
                    SessionId::LENGTH_MAX
                ),
                "session_id",
            )
        })
    }

    /// Returns the key for any other call, where a malformed id is answered like an unknown one.
    pub(super) fn key(&self) -> Result<SessionKey, Fault> {
        self.session_id()
            .map(|session| SessionKey { account: self.account.clone(), session })
            .ok_or(Fault::SessionNotFound)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn session_id(&self) -> Option<SessionId> {
        self.session.as_deref()?.parse().ok()
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Fault::bad_request("The query is not form-encoded.", "query"))?;
        let version = version(&query)?;
        let caller = authenticate(&parts.headers, &api.tokens, api.clock.now())?;
        // A path that is not UTF-8 once it is decoded names no session.
        let params = RawPathParams::from_request_parts(parts, api).await.ok();
        let param = |name| params.iter().flatten().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
        let account = param("account").or_else(|| parts.uri.path().split('/').nth(2).map(str::to_owned));
        let account = admit(&caller, account.as_deref())?;
        let host_name = api.host_names.asked(&parts.headers);
        Ok(Self { account, bearer: caller, version, query, host_name, session: param("session") })
    }
}

fn version(query: &[(String, String)]) -> Result<&'static str, Fault> {
    let mut asked = query.iter().filter(|(key, _)| key.eq_ignore_ascii_case("api-version")).map(|(_, value)| value);
    let Some(first) = asked.next() else {
        return Err(Fault::Version { code: "ApiVersionUnspecified", message: "An API version is required.".into() });
    };
    if asked.any(|other| other != first) {
        let message = "The request names more than one API version.".into();
        return Err(Fault::Version { code: "AmbiguousApiVersion", message });
    }
    VERSIONS.into_iter().find(|version| version.eq_ignore_ascii_case(first)).ok_or_else(|| {
        let shown: String = first.chars().take(64).collect();
        let message = format!("The API version '{shown}' is not supported.");
        Fault::Version { code: "UnsupportedApiVersion", message }
    })
}
