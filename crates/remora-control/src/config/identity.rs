//! `[[identity]]`: issuers whose tokens are accepted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use remora_session::AccountId;
use serde::Deserialize;

/// In the place of an account id.
pub(super) const EVERY_ACCOUNT: &str = "*";

/// An OpenID Connect issuer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// `iss` of its tokens.
    pub issuer: String,
    /// `aud` of tokens that are meant for this service.
    pub audience: String,
    /// Where its keys are; found through the issuer's `/.well-known/openid-configuration` if left out.
    pub jwks_url: Option<String>,
    /// PEM file of the CA that signed the issuer's certificate, if the operating system does not trust it.
    pub ca_file: Option<PathBuf>,
    /// The claim that holds a role, several in one string, or a list: `roles`, `scp`, `realm_access.roles`.
    #[serde(default = "Identity::default_role_claim")]
    pub role_claim: String,
    /// Which values of the claim make an Administrator or a Client.
    #[serde(default)]
    pub roles: BTreeMap<String, RoleName>,
    /// Accounts that holders of its tokens may use; `"*"` is every account.
    pub accounts: Vec<String>,
    /// The claim that identifies a person, always and for every client of the issuer.
    #[serde(default = "Identity::default_subject_claim")]
    pub subject_claim: String,
    /// The page as the issuer knows it, a public client; without it people cannot sign in there from the page.
    pub client_id: Option<String>,
    /// The scopes that the page requests.
    #[serde(default = "Identity::default_scopes")]
    pub scopes: Vec<String>,
    /// The issuer's name on the page; the name of its machine if left out.
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

    /// Returns the issuer's name for people.
    pub fn shown_name(&self) -> &str {
        let (_, place) = self.issuer.split_once("://").unwrap_or(("", &self.issuer));
        self.display_name.as_deref().unwrap_or_else(|| place.split('/').next().unwrap_or(place))
    }

    /// Whether holders of its tokens may use the account.
    pub fn opens(&self, account: &AccountId) -> bool {
        let same = |id: &str| id.parse().as_ref() == Ok(account);
        self.accounts.iter().any(|id| id == EVERY_ACCOUNT || same(id))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    Administrator,
    Client,
}
