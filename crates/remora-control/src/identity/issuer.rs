//! One issuer with its keys and endpoints.

use std::sync::Arc;

use super::error::IdentityError;
use super::fetch::{Endpoints, Fetcher};
use super::keys::{KeySet, VerifyingKey};
use super::published::{Absent, Published};
use crate::clock::Clock;
use crate::config::Identity;

/// A configured issuer and its documents.
pub(super) struct Issuer {
    pub identity: Identity,
    keys: Arc<Published<KeySet>>,
    endpoints: Arc<Published<Endpoints>>,
}

impl Issuer {
    pub(super) fn new(identity: Identity, clock: &Clock) -> Result<Self, IdentityError> {
        let fetcher = Arc::new(Fetcher::new(&identity)?);
        let (for_keys, for_endpoints) = (fetcher.clone(), fetcher);
        Ok(Self {
            keys: Published::new(&identity.issuer, clock.clone(), Box::new(move || for_keys.keys())),
            endpoints: Published::new(&identity.issuer, clock.clone(), Box::new(move || for_endpoints.endpoints())),
            identity,
        })
    }

    pub(super) async fn key(&self, key_id: &str) -> Result<Arc<VerifyingKey>, Absent> {
        self.keys.find(|keys| keys.get(key_id)).await
    }

    pub(super) async fn endpoints(&self) -> Result<Endpoints, Absent> {
        self.endpoints.find(|endpoints| Some(endpoints.clone())).await
    }
}
