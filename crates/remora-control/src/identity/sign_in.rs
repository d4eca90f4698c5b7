//! The endpoints and clients of the issuers, which a page needs to send people there.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;

use super::Identities;
use super::issuer::Issuer;

/// Issuers that have not answered by then are left out; their answers are there for the next caller.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// An issuer at which people sign in from the page: authorization code with PKCE, as a public client. The page exchanges
/// the ID token for an access token of this service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// For people to read.
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    pub scopes: Vec<String>,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    /// Ids of accounts that it speaks for; `*` is every account.
    pub accounts: Vec<String>,
    /// `https://login.example.com`: where pages connect to.
    #[serde(skip)]
    pub token_origin: String,
}

impl Identities {
    /// The issuers with a `client_id` that can be reached, in the order of the configuration.
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
