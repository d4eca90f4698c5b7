//! Who calls, about which session: read from the request before anything is done.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use remora_session::{AccountId, SessionKey};

use super::fault::Fault;
use super::{Api, CREATE};
use crate::api::common::{admit, authenticate};

/// A caller who may act for the account in the path.
pub(super) struct Caller {
    pub account: AccountId,
    session: String,
}

impl Caller {
    /// An id that cannot be one is an id that nobody has.
    pub fn key(&self) -> Result<SessionKey, Fault> {
        let session = self.session.parse().map_err(|_| Fault::session_not_found(&self.session))?;
        Ok(SessionKey { account: self.account.clone(), session })
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        let caller = authenticate(&parts.headers, &api.tokens, api.clock.now())?;
        // Ids are decoded as bytes that may be anything; what is not text is no id.
        let params =
            RawPathParams::from_request_parts(parts, api).await.map_err(|_| Fault::session_not_found("not text"))?;
        let param = |name| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let account = admit(&caller, param("account"))?;
        Ok(Self { account, session: param("session").unwrap_or(CREATE).to_owned() })
    }
}
