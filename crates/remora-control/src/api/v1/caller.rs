//! The caller of a request and the session in its path, read before the handler runs.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use remora_session::{AccountId, SessionKey};

use super::fault::Fault;
use super::{Api, CREATE};
use crate::api::common::{admit, authenticate};
use crate::api::host_name::HostName;
use crate::token::Bearer;

/// A caller who may act on the account in the path.
pub(super) struct Caller {
    pub account: AccountId,
    pub bearer: Bearer,
    /// How this caller reaches render hosts.
    pub host_name: HostName,
    session: String,
}

impl Caller {
    /// Returns the key of the session. A malformed id is answered like an unknown one.
    pub(super) fn key(&self) -> Result<SessionKey, Fault> {
        let session = self.session.parse().map_err(|_| Fault::session_not_found(&self.session))?;
        Ok(SessionKey { account: self.account.clone(), session })
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        let caller = authenticate(&parts.headers, &api.tokens, api.clock.now())?;
        // A path that is not UTF-8 once it is decoded names no session.
        let params = RawPathParams::from_request_parts(parts, api).await.ok();
        let param = |name| params.iter().flatten().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
        let account = param("account").or_else(|| parts.uri.path().split('/').nth(3).map(str::to_owned));
        let account = admit(&caller, account.as_deref())?;
        let unnamed = if params.is_some() { CREATE } else { "" };
        let host_name = api.host_names.asked(&parts.headers);
        let session = param("session").unwrap_or_else(|| unnamed.to_owned());
        Ok(Self { account, bearer: caller, host_name, session })
    }
}
