//! One ACME order: the account, a challenge for each name, the certificate.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::certificate_request::CertificateRequest;
use super::challenges::Challenges;
use super::error::OrderError;
use super::files::Files;
use super::http::Http;
use crate::authority::ServerCertificate;

/// Time for the authority's validation. It connects from several places, which takes some seconds.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).timeout(Duration::from_mins(2));

/// Closes all challenges when it is dropped.
struct Open<'a>(&'a Challenges);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Obtains a certificate with a new key.
pub(super) async fn order(
    request: &CertificateRequest,
    http: &Http,
    files: &Files,
    challenges: &Challenges,
) -> Result<ServerCertificate, OrderError> {
    let account = account(request, http, files).await?;
    let identifiers: Vec<Identifier> = request.domains.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let open = Open(challenges);
    answer(&mut order, challenges).await?;
    let ready = order.poll_ready(&PATIENCE).await;
    if !matches!(ready, Ok(OrderStatus::Ready)) {
        refused(&mut order).await?;
        ready?;
    }
    drop(open);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(request.domains.clone())?;
    params.distinguished_name = DistinguishedName::new();
    order.finalize_csr(params.serialize_request(&key)?.der()).await?;
    let certificate_pem = order.poll_certificate(&PATIENCE).await?;
    Ok(ServerCertificate { certificate_pem, key_pem: key.serialize_pem() })
}

async fn account(request: &CertificateRequest, http: &Http, files: &Files) -> Result<Account, OrderError> {
    let builder = Account::builder_with_http(Box::new(http.clone()));
    if let Some(credentials) = files.account(&request.directory_url) {
        return Ok(builder.from_credentials(credentials).await?);
    }
    let contact: Vec<&str> = request.contact.iter().map(String::as_str).collect();
    // A configuration without the operator's consent has been refused before.
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder.create(&new, request.directory_url.clone(), None).await?;
    files.store_account(&request.directory_url, credentials)?;
    Ok(account)
}

async fn answer(order: &mut Order, challenges: &Challenges) -> Result<(), OrderError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let domain = authorization.identifier().to_string();
        let Some(mut challenge) = authorization.challenge(ChallengeType::TlsAlpn01) else {
            return Err(OrderError::NoChallenge(domain));
        };
        challenges.answer(&domain, challenge.key_authorization().digest().as_ref())?;
        challenge.set_ready().await?;
    }
    Ok(())
}

/// Returns an error with the authority's reason if it could not validate a name.
async fn refused(order: &mut Order) -> Result<(), OrderError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let state = authorization.refresh().await?;
        let problem = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = problem {
            return Err(OrderError::NotConfirmed {
                domain: state.identifier().to_string(),
                why: problem.detail.clone().unwrap_or_else(|| problem.to_string()),
            });
        }
    }
    Ok(())
}
