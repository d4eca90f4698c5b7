//! `[[identity]]`: issuers whose tokens the token service accepts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use remora_session::AccountId;
use serde::Deserialize;

/// Stands for all account ids.
pub(super) const EVERY_ACCOUNT: &str = "*";

/// An OpenID Connect issuer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The `aud` of access tokens for this service.
    pub audience: String,
    /// URL of its keys. If left out, it is taken from the issuer's `/.well-known/openid-configuration`.
    pub jwks_url: Option<String>,
    /// PEM file of the CA of the issuer's server, if the operating system does not trust it.
    pub ca_file: Option<PathBuf>,
    /// Claim with the roles: one, several in one string, or a list. Examples: `roles`, `scp`, `realm_access.roles`.
    #[serde(default = "Identity::default_role_claim")]
    pub role_claim: String,
    /// Roles by the values of the claim.
    #[serde(default)]
    pub roles: BTreeMap<String, RoleName>,
    /// Ids of the accounts that holders of its tokens may use; `"*"` is every account.
    pub accounts: Vec<String>,
    /// Claim that identifies a person. It must be stable and the same for every client of the issuer.
    #[serde(default = "Identity::default_subject_claim")]
    pub subject_claim: String,
    /// The page's id as a public client of the issuer. Without it people cannot sign in from the page.
    pub client_id: Option<String>,
    /// The scopes that the page requests.
    #[serde(default = "Identity::default_scopes")]
    pub scopes: Vec<String>,
    /// Name of the issuer on the page; its host name if left out.
    pub display_name: Option<String>,
}

impl Identity {
    fn default_role_claim() -> String {
        "roles".into()
    }

    fn default_subject_claim() -> String {
        "sub".into()
    }

    fn default_scopes() -> Vec<String> {
        ["openid", "profile", "email"].map(str::to_owned).to_vec()
    }

    /// Returns the name of the issuer to show to people.
    pub fn shown_name(&self) -> &str {
        let (_, place) = self.issuer.split_once("://").unwrap_or(("", &self.issuer));
        self.display_name.as_deref().unwrap_or_else(|| place.split('/').next().unwrap_or(place))
    }

    /// Returns whether holders of its tokens may use the account.
    pub fn opens(&self, account: &AccountId) -> bool {
        let same = |id: &str| id.parse().as_ref() == Ok(account);
        self.accounts.iter().any(|id| id == EVERY_ACCOUNT || same(id))
    }
}

/// A role in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// `administrator`.
    Administrator,
    /// `client`.
    Client,
}
