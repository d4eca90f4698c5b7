//! The issuers' endpoints and clients, which the page needs for signing people in.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;

use super::Identities;
use super::issuer::Issuer;

/// Time limit for an issuer. One that takes longer is left out; its documents are there for the next caller.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// An issuer at which people sign in from the page: authorization code with PKCE, as a public client. The page then
/// exchanges the ID token for an access token of this service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// Name of the issuer to show to people.
    pub name: String,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The page's client id at the issuer.
    pub client_id: String,
    /// Scopes that the page requests.
    pub scopes: Vec<String>,
    /// URL to which the page sends people to sign in.
    pub authorization_endpoint: String,
    /// URL at which the page exchanges the code for tokens.
    pub token_endpoint: String,
    /// Ids of the accounts that the issuer's tokens may use; `*` is every account.
    pub accounts: Vec<String>,
    /// Origin of the token endpoint, for the page's content security policy: `https://login.example.com`.
    #[serde(skip)]
    pub token_origin: String,
}

impl Identities {
    /// Returns the reachable issuers with a `client_id`, in the order of the configuration.
    pub async fn providers(&self) -> Vec<Provider> {
        let providers = join_all(self.issuers.iter().map(|issuer| provider(issuer)));
        providers.await.into_iter().flatten().collect()
    }
}

async fn provider(issuer: &Issuer) -> Option<Provider> {
    let identity = &issuer.identity;
    let client_id = identity.client_id.clone()?;
    let endpoints = tokio::time::timeout(ANSWER_MAX, issuer.endpoints()).await.ok()?.ok()?;
    Some(Provider {
        name: identity.shown_name().to_owned(),
        issuer: identity.issuer.clone(),
        client_id,
        scopes: identity.scopes.clone(),
        authorization_endpoint: endpoints.authorization,
        token_endpoint: endpoints.token,
        accounts: identity.accounts.clone(),
        token_origin: endpoints.token_origin,
    })
}
